from slipway.model import PipelineModel


class College(PipelineModel):
    """Whether a college is private."""

    source_features = ["Apps", "Accept", "Enroll", "Top10perc", "F.Undergrad", "Outstate", "Room.Board", "S.F.Ratio"]
    target_variable = "Private"

    def pipeline(self):
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler
        from sklearn.svm import SVC

        return make_pipeline(StandardScaler(), SVC())
