"""Replay untrusted recipes, and print which files, sockets and processes were opened.

Run `python watched_replays.py FOLDER COUNT`. FOLDER must have `cup.png`, which is passed to the replays, and may have
other files, which are not passed. COUNT is the number of random recipes.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import inceptionism as inc
from inceptionism.errors import InceptionismError

folder, count = Path(sys.argv[1]), int(sys.argv[2])
os.chdir(folder)
photo = inc.load_photo("cup.png")

files = [
    *map(str, folder.iterdir()),
    *(path.name for path in folder.iterdir()),
    str(folder),
    "~/.ssh/id_rsa",
    "/etc/passwd",
]
paths = st.sampled_from(files)
layers = st.sampled_from(["blocks.1", "stem", "blocks.2:3", "nowhere"])
reference_objectives = st.sampled_from(["guide", "style", "inversion", "caricature", "direction"])
mask_keys = st.sampled_from(["where", "outside"])
terms = st.one_of(
    st.builds("{}({}, {})".format, reference_objectives, layers, paths),
    st.builds("layer({}, {}={})".format, layers, mask_keys, paths),
    st.builds("class(banana, {}={})".format, mask_keys, paths),
    st.builds("direction({}, {}, {})".format, layers, paths, paths),
    st.builds("channel({})".format, layers),
    st.text(max_size=20),
)
values = st.one_of(st.none(), st.integers(-3, 40), st.floats(), st.text(max_size=9), paths, st.lists(layers), terms)
recipes = st.fixed_dictionaries(
    {"schema": st.just(1), "kind": st.sampled_from(["photo", "class"]), "steps": st.integers(1, 2)},
    optional={
        "network": st.sampled_from(["efficientnet-lite0"] * 9 + ["torchvision/resnet18", "timm/resnet18", *files]),
        "objective": st.builds(" + ".join, st.lists(terms, min_size=1, max_size=2)),
        "layer": st.one_of(layers, st.lists(layers), values),
        "guide": paths,
        "mask": paths,
        "prior": st.one_of(st.builds("phase({})".format, paths), st.just("none"), values),
        "target": st.one_of(st.just("banana"), values),
        "size": st.integers(30, 60),
        "octaves": st.integers(0, 2),
        "together": st.integers(0, 2),
        "memory": st.one_of(st.just("4GB"), values),
        "device": st.sampled_from(["auto", "cpu", "cuda", "disk"]),
        "made_with": values,
    },
)
generated: list[dict[str, object]] = []


@settings(max_examples=count, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(recipes)
def generate(recipe: dict[str, object]) -> None:
    generated.append(recipe)


generate()

EVENTS = ("open", "os.listdir", "os.scandir", "socket.connect", "socket.getaddrinfo", "subprocess.Popen", "os.system")
LIBRARIES = (sys.prefix, sys.base_prefix, str(Path(inc.__file__).parent), "/proc", "/sys")
events: list[list[str]] = []


def record(event: str, arguments: tuple[object, ...]) -> None:
    # Python looks for installed packages in each folder of its path, and libraries add folders to it.
    if event in EVENTS and not str(arguments[0]).startswith((*LIBRARIES, *filter(None, sys.path))):
        events.append([event, str(arguments[0])])


def is_replayed(content: dict[str, object]) -> bool:
    """Replay a recipe. Return whether it made a picture; return False if it was refused with one clear sentence."""
    try:
        recipe = inc.Recipe.from_json(json.dumps(content))
        inc.replay(recipe, photo if recipe.kind == "photo" else None)
    except InceptionismError as error:
        if "\n" in str(error):
            raise
        return False
    return True


# These two runs load the network before the audit hook is added, so the files of the network are not reported.
inc.replay(inc.PhotoRecipe(octaves=1, steps=1, size=64, guide="guide.png"), photo, pictures=["guide.png"])
inc.replay(inc.ClassRecipe(target="banana", steps=1, size=32))
sys.addaudithook(record)
made = sum(map(is_replayed, generated))
sys.stdout.write(json.dumps({"made": made, "refused": len(generated) - made, "touched": events}))
