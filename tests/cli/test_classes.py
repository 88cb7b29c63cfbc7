"""The command that lists and searches the classes of a network."""

from __future__ import annotations

from tests.support.command import dream, refused


def test_all_classes_are_listed_in_order(tmp_path, lite0) -> None:
    done = dream("classes", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert len(lines) == 1000
    assert lines[1] == "  1  goldfish, Carassius auratus"
    assert [int(line.split()[0]) for line in lines] == list(range(1000))
    for line in lines[::97]:
        index, _, names = line.strip().partition("  ")
        assert lite0.class_index(names) == lite0.class_index(index) == int(index)


def test_a_word_finds_its_classes(tmp_path) -> None:
    lines = dream("classes", "cat", cwd=tmp_path).stdout.splitlines()
    assert lines[0] == "281  tabby, tabby cat"
    assert "285  Egyptian cat" in lines
    refused(dream("classes", "xyzzy", cwd=tmp_path), "no class for 'xyzzy'; `dream classes` lists all", 2)
    refused(dream("class", "cat", cwd=tmp_path), r"tabby \(281\), .*tiger cat \(282\)", 2)
    refused(dream("classes", "--network", "nowhere", cwd=tmp_path), "no network 'nowhere'", 2)
