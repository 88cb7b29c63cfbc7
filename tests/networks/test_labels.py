from __future__ import annotations

import pytest

from inceptionism.errors import InvalidSetting, UnknownName
from inceptionism.networks.labels import Labels, imagenet_groups, imagenet_labels


def test_imagenet_has_its_thousand_classes_in_order(shared) -> None:
    labels = imagenet_labels()
    assert len(labels) == 1000
    published = (shared / "networks" / "synset_words.txt").read_text().splitlines()
    for index, line in enumerate(published):
        identifier, names = line.split(" ", 1)
        assert labels.names[index] == tuple(names.split(", "))
        assert labels.index(identifier) == index


@pytest.mark.parametrize(
    ("target", "index"),
    [
        ("banana", 954),
        ("Banana", 954),
        (954, 954),
        ("954", 954),
        ("n07753592", 954),
        ("king of beasts", 291),
        ("golden_retriever", 207),
        ("tiger cat", 282),
        ("hen-of-the-woods", 996),
        ("hen of the woods", 996),
        ("harp", 594),  # also a synonym of the harmonica
    ],
)
def test_a_class_is_found_by_name_synonym_identifier_and_index(target: str | int, index: int) -> None:
    assert imagenet_labels().index(target) == index


def test_every_common_name_means_its_class_or_is_ambiguous() -> None:
    labels = imagenet_labels()
    ambiguous = set()
    for index in range(1000):
        try:
            assert labels.index(labels[index]) == index
        except InvalidSetting:
            ambiguous.add(labels[index])
    assert ambiguous == {"crane", "maillot", "cardigan", "Cardigan"}  # each names two classes; one Cardigan is a corgi


def test_a_mistyped_class_gets_near_names() -> None:
    with pytest.raises(UnknownName, match=r"no class is called 'bananna'; near names: banana \(954\)"):
        imagenet_labels().index("bananna")
    for target in ("qqqqqqq", "", "--5", "9" * 5000, "²"):
        with pytest.raises(UnknownName, match=r"you can also give an index, 0 to 999|near names"):
            imagenet_labels().index(target)


@pytest.mark.parametrize(
    ("word", "best", "count"),
    [
        ("cat", ["tabby", "Egyptian cat", "tiger cat", "Persian cat", "Siamese cat"], 7),
        ("Dogs", ["golden retriever", "German shepherd", "pug"], 121),
        ("fruit", ["banana", "strawberry"], 10),
        ("musical instrument", ["acoustic guitar", "violin"], 26),
        ("banana", ["banana"], 1),
        ("salmon", ["coho"], 1),
        ("phone", ["cellular telephone"], 3),
        ("n07753592", ["banana"], 1),
        ("qqqqqq", [], 0),
        (" ", [], 0),
    ],
)
def test_a_search_finds_names_groups_and_parts_of_names(word: str, best: list[str], count: int) -> None:
    labels = imagenet_labels()
    found = labels.search(word)
    assert [labels[index] for index in found[: len(best)]] == best
    assert len(found) == len(set(found)) == count


def test_the_word_for_a_group_gets_its_classes() -> None:
    with pytest.raises(UnknownName) as caught:
        imagenet_labels().index("cat")
    assert str(caught.value) == (
        "no class is called 'cat'; related classes: tabby (281), Egyptian cat (285), tiger cat (282), Persian cat "
        "(283), Siamese cat (284), and 2 more, which `dream classes cat` lists"
    )


def test_the_groups_agree_with_the_names_of_the_classes() -> None:
    labels, groups = imagenet_labels(), imagenet_groups()
    members = {word: set(map(labels.index, identifiers)) for word, identifiers in groups.items()}
    for word in (
        "snake", "lizard", "spider", "beetle", "butterfly", "crab", "lobster", "whale", "hound", "terrier", "spaniel",
        "retriever", "schnauzer", "poodle", "wolf", "fox", "bear", "monkey", "elephant", "clock", "bottle", "boot",
    ):  # fmt: skip
        named = {index for index in range(1000) if labels[index].lower().split()[-1] == word}
        assert named - members[word] <= {labels.index("alligator lizard")} - members["lizard"], word
        assert named, word
    for part, whole in {
        "cat": "feline",
        "big cat": "feline",
        "feline": "mammal",
        "dog": "mammal",
        "terrier": "dog",
        "mammal": "animal",
        "bird": "animal",
        "owl": "bird",
        "snake": "reptile",
        "reptile": "animal",
        "spider": "arachnid",
        "fish": "animal",
        "insect": "animal",
        "butterfly": "insect",
        "apple": "fruit",
        "fruit": "food",
        "vegetable": "food",
        "car": "vehicle",
        "truck": "vehicle",
        "boat": "vehicle",
        "ship": "vehicle",
        "aircraft": "vehicle",
        "guitar": "instrument",
    }.items():
        assert members[part] < members[whole], part
    for one, other in (("mammal", "bird"), ("animal", "vehicle"), ("food", "animal"), ("dog", "cat"), ("fish", "bird")):
        assert not members[one] & members[other]


def test_labels_with_identifiers_know_the_groups() -> None:
    labels = Labels(["Gaul", "Hauskatze", "Zitrone"], ["n02389026", "n02123045", "n07749582"])
    assert labels.search("cat") == [1]
    assert labels.search("fruits") == [2]
    assert Labels(["Hauskatze"]).search("cat") == []


def test_an_ambiguous_name_offers_the_choices() -> None:
    with pytest.raises(InvalidSetting, match=r"'crane' is the name of classes 134 \(crane\) and 517 \(crane\)"):
        imagenet_labels().index("crane")


@pytest.mark.parametrize("target", [1000, -1, "-5", "1000"])
def test_an_index_out_of_range_is_refused(target: str | int) -> None:
    with pytest.raises(InvalidSetting, match=f"no class {target}: classes are numbered from 0 to 999"):
        imagenet_labels().index(target)


def test_a_users_labels_need_only_names() -> None:
    assert Labels(["ash", "elm, wych elm"]).index("wych elm") == 1
