"""Files of labels: one class in each line."""

from __future__ import annotations

from inceptionism.networks.hub.label_files import read_labels


def test_empty_lines_at_the_end_of_a_file_of_labels_are_no_classes(tmp_path) -> None:
    path = tmp_path / "labels.txt"
    path.write_text("ash\nelm\n\noak\n\n  \n\n")
    assert list(read_labels(path)) == ["ash", "elm", "", "oak"]
    path.write_text("n00000001 ash\nn00000002 elm\n\n")
    assert list(read_labels(path)) == ["ash", "elm"]


def test_the_labels_of_places_are_read_without_letter_and_index(tmp_path) -> None:
    path = tmp_path / "categories_places365.txt"
    path.write_text("/a/airfield 0\n/a/apartment_building/outdoor 1\n/z/zen_garden 2\n")
    labels = read_labels(path)
    assert list(labels) == ["airfield", "apartment_building/outdoor", "zen_garden"]
    assert labels.index("zen garden") == 2
    path.write_text("/a/airfield 0\n/z/zen_garden 2\n")  # the indices are not those of the lines
    assert list(read_labels(path)) == ["/a/airfield 0", "/z/zen_garden 2"]
