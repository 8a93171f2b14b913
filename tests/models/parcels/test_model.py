from model.parcels.model import ModelWrapper


def test_it_names_its_columns():
    assert ModelWrapper().source_features == ["length", "width"]
