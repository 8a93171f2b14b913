from slipway.model import PipelineModel


class Spam(PipelineModel):
    """Whether a mail is spam, from how often it has certain words."""

    source_features = ["crl.tot", "dollar", "bang", "money", "n000", "make"]
    target_variable = "yesno"

    def pipeline(self):
        from sklearn.calibration import CalibratedClassifierCV
        from sklearn.naive_bayes import GaussianNB

        return CalibratedClassifierCV(GaussianNB(), cv=3)
