from slipway.model import PipelineModel

SIGNS = ["image", "attach", "dollar", "inherit", "password", "num_char", "line_breaks", "exclaim_mess"]


class Email(PipelineModel):
    """Whether a mail is spam."""

    source_features = [*SIGNS, "winner", "number"]
    target_variable = "spam"

    def pipeline(self):
        from sklearn.compose import make_column_transformer
        from sklearn.linear_model import SGDClassifier
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import Binarizer, MaxAbsScaler, Normalizer, OneHotEncoder

        prepare = make_column_transformer(
            (MaxAbsScaler(clip=True), ["num_char", "line_breaks", "exclaim_mess"]),
            (make_pipeline(Binarizer(threshold=1), Normalizer()), ["image", "attach", "dollar", "inherit", "password"]),
            (OneHotEncoder(), ["winner", "number"]),
        )
        return make_pipeline(prepare, SGDClassifier(random_state=0))
