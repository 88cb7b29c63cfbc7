"""Files of labels: one class in each line."""

from __future__ import annotations

from inceptionism.networks.hub.label_files import read_labels


def test_empty_lines_at_the_end_of_a_file_of_labels_are_no_classes(tmp_path) -> None:
    path = tmp_path / "labels.txt"
    path.write_text("ash\nelm\n\noak\n\n  \n\n")
    assert list(read_labels(path)) == ["ash", "elm", "", "oak"]
    path.write_text("n00000001 ash\nn00000002 elm\n\n")
    assert list(read_labels(path)) == ["ash", "elm"]
