"""The files that start a cluster: Ray itself reads and checks them."""

from __future__ import annotations

from pathlib import Path

import pytest

ray = pytest.importorskip("ray", reason="needs the package ray: inceptionism[cluster]")
yaml = pytest.importorskip("yaml")

FOLDER = Path(__file__).parents[2] / "examples" / "cluster"


def test_the_cluster_file_is_valid_by_the_schema_of_ray() -> None:
    from ray.autoscaler._private.util import prepare_config, validate_config

    config = prepare_config(yaml.safe_load((FOLDER / "ray.yaml").read_text()))
    validate_config(config)
    assert config["head_node_type"] in config["available_node_types"]
    with pytest.raises(Exception, match="'node_types' was unexpected"):
        validate_config({**config, "node_types": {}})


def test_ray_reads_the_workers_from_the_manifest() -> None:
    from ray.autoscaler._private.kuberay.autoscaling_config import _derive_autoscaling_config_from_ray_cr

    manifest = yaml.safe_load((FOLDER / "kuberay.yaml").read_text())
    manifest["metadata"]["namespace"] = "default"
    config = _derive_autoscaling_config_from_ray_cr(manifest)
    types = config["available_node_types"]
    assert types["headgroup"]["resources"]["CPU"] == 0
    assert {name: types["workers"][name] for name in ("min_workers", "max_workers")} == {
        "min_workers": 0,
        "max_workers": 20,
    }
    assert types["workers"]["resources"]["CPU"] == 8
    assert types["workers"]["resources"]["memory"] == 16 * 2**30
