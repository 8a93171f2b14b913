from slipway.model import PipelineModel

TEXTS = ["BusinessTravel", "Department", "Gender", "JobRole", "MaritalStatus", "OverTime", "JobSatisfaction"]


class Attrition(PipelineModel):
    """Whether an employee leaves."""

    source_features = ["Age", "DailyRate", "DistanceFromHome", "MonthlyIncome", "YearsAtCompany", *TEXTS]
    target_variable = "Attrition"

    def pipeline(self):
        from sklearn.compose import make_column_selector, make_column_transformer
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import OneHotEncoder, StandardScaler

        prepare = make_column_transformer(
            (StandardScaler(), make_column_selector(dtype_include="number")),
            (OneHotEncoder(handle_unknown="ignore"), make_column_selector(dtype_exclude="number")),
        )
        return make_pipeline(prepare, LogisticRegression(max_iter=1000))
