from slipway.model import PipelineModel

FEATURES = ["MOSTYPE", "MAANTHUI", "MGEMLEEF", "MOPLHOOG", "MBERBOER", "MHKOOP", "MAUT1", "MINKGEM", "MKOOPKLA"]


class Caravan(PipelineModel):
    """Whether a household buys an insurance of caravans."""

    source_features = [*FEATURES, "PWAPART", "PPERSAUT", "PBRAND", "APERSAUT", "ABRAND"]
    target_variable = "Purchase"

    def pipeline(self):
        from sklearn.ensemble import RandomForestClassifier

        return RandomForestClassifier(60, class_weight="balanced", min_samples_leaf=5, random_state=0)
