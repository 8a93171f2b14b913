"""Releases as they run: images really built, on real Knative, under the `restricted` Pod Security level."""

import json
from collections import Counter


def test_a_release_from_folder_to_answer_and_back(team):
    """Train, release, answer; a second release shares the requests; a rollback brings the first one back."""
    team.slipway("train", "coin")
    team.slipway("release", "coin")
    team.sync()
    first = team.ask()
    assert first["prediction"] == "heads"
    assert first["model_id"] == "coin/test/1"

    team.slipway("train", "coin", "-p", "side=tails")
    team.slipway("release", "coin", "--traffic", "50")
    team.sync()
    answers = Counter((answer["prediction"], answer["model_id"]) for answer in (team.ask() for _ in range(100)))
    assert set(answers) == {("heads", "coin/test/1"), ("tails", "coin/test/2")}
    assert min(answers.values()) >= 25  # of 100 that fall either way; fewer come once in millions

    team.slipway("rollback", "coin", "--env", "test", "--to", "1", "--reason", "tails is wrong")
    team.sync()
    team.until(lambda: {team.ask()["release"] for _ in range(10)} == {first["release"]}, "only the first one answers")
    services = json.loads(team.kubectl("get", "services.serving.knative.dev", "-n", team.namespace, "-o", "json"))
    assert [item["metadata"]["name"] for item in services["items"]] == [f"coin-{first['release']}"]


def test_a_function_at_zero_answers_again(team):
    """Without requests there is no pod; the next request is answered all the same."""
    before = team.ask()
    team.until(lambda: team.pods() == 0, "there is no pod")
    assert team.ask() == before


def test_an_image_is_built_once_for_its_fingerprint(team):
    """Releasing again what is there already, with other settings, keeps the image and its digest."""
    settings = team.root / "slipway.yaml"
    image = next((team.root / "overlays/test/coin").glob("v1-*/record.yaml")).read_text()
    team.slipway("lift", "coin", "--env", "test")
    settings.write_text(settings.read_text().replace("max: 2", "max: 3"))
    team.commit("Scale higher")
    said = team.slipway("release", "coin", "--version", "1")
    assert "released" in said
    after = next((team.root / "overlays/test/coin").glob("v1-*/record.yaml")).read_text()
    assert [line for line in image.splitlines() if "image" in line] == [
        line for line in after.splitlines() if "image" in line
    ]
    team.sync()
    assert team.ask()["model_id"] == "coin/test/1"
