from __future__ import annotations

import pytest

from inceptionism.errors import InvalidSetting, UnknownName
from inceptionism.networks.labels import Labels, imagenet_labels


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
    with pytest.raises(UnknownName, match=r"hot dog \(934\)"):
        imagenet_labels().index("dog")
    for target in ("qqqqqqq", "", "--5", "9" * 5000, "²"):
        with pytest.raises(UnknownName, match=r"you can also give an index, 0 to 999|near names"):
            imagenet_labels().index(target)


def test_an_ambiguous_name_offers_the_choices() -> None:
    with pytest.raises(InvalidSetting, match=r"'crane' is the name of classes 134 \(crane\) and 517 \(crane\)"):
        imagenet_labels().index("crane")


@pytest.mark.parametrize("target", [1000, -1, "-5", "1000"])
def test_an_index_out_of_range_is_refused(target: str | int) -> None:
    with pytest.raises(InvalidSetting, match=f"no class {target}: classes are numbered from 0 to 999"):
        imagenet_labels().index(target)


def test_a_users_labels_need_only_names() -> None:
    assert Labels(["ash", "elm, wych elm"]).index("wych elm") == 1
