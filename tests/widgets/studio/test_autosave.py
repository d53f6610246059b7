"""Autosave: the files, and the studio that restores them."""

from __future__ import annotations

import os
import sys
import time
from datetime import datetime
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from robust_widgets._files.partials import PARTIAL_SECONDS
from robust_widgets.errors import SaveError
from robust_widgets.testing import FakeSession
from robust_widgets.widgets.painting.raster import DEFAULT_SIDE, Raster
from robust_widgets.widgets.studio import StudioWidget
from robust_widgets.widgets.studio.autosave import MAX_AGE_DAYS, Autosave
from tests.helpers import at_once
from tests.widgets.page import Page, encoded, is_sentence, noise

SIDE = 16
DAY = 24 * 3600


def noisy(side: int = SIDE, seed: int = 0) -> Raster:
    raster = Raster(side)
    raster.image, raster.sketch = noise(side, side, 3, seed=seed), noise(side, side, 4, seed=seed + 50)
    raster.mask = noise(side, side, seed=seed + 90)
    return raster


@pytest.fixture
def autosave(tmp_path: Path) -> Autosave:
    return Autosave("notebook, cell", tmp_path / "state" / "paintings")


def test_a_painting_is_restored_exactly(autosave: Autosave) -> None:
    raster = noisy()
    autosave.save(raster)
    saved = autosave.load(SIDE)
    assert saved is not None
    np.testing.assert_array_equal(saved.image, raster.image)
    np.testing.assert_array_equal(saved.sketch, raster.sketch)
    np.testing.assert_array_equal(saved.mask, raster.mask)
    again = saved.raster()
    np.testing.assert_array_equal(again.composite(), raster.composite())
    np.testing.assert_array_equal(again.mask, raster.mask)
    assert again.side == SIDE and not again.can_undo


def test_a_painting_without_a_mask_is_restored(autosave: Autosave) -> None:
    raster = noisy()
    autosave.path.parent.mkdir(parents=True)
    np.savez_compressed(autosave.path, image=raster.image, sketch=raster.sketch)
    saved = autosave.load(SIDE)
    assert saved is not None and not saved.mask.any() and saved.mask.shape == (SIDE, SIDE)
    np.testing.assert_array_equal(saved.sketch, raster.sketch)


def test_a_painting_saved_by_version_0_1_is_restored(autosave: Autosave) -> None:
    autosave.path.parent.mkdir(parents=True)
    autosave.path.write_bytes((Path(__file__).parents[2] / "data" / "v0.1" / "painting.npz").read_bytes())
    saved = autosave.load()
    assert saved is not None
    raster = saved.raster()
    assert raster.side == DEFAULT_SIDE and raster.color_at(120, 60) == (200, 50, 30)
    assert raster.color_at(200, 130) == (192, 128, 90) and raster.mask[180, 128] == 255 and not raster.mask[60, 60]


def test_a_mask_that_does_not_fit_is_none(autosave: Autosave) -> None:
    raster = noisy()
    autosave.path.parent.mkdir(parents=True)
    np.savez_compressed(autosave.path, image=raster.image, sketch=raster.sketch, mask=noise(3, 3))
    assert autosave.load(SIDE) is None


def test_temporary_files_of_killed_kernels_are_removed(autosave: Autosave) -> None:
    autosave.save(noisy())
    partial = autosave.path.parent / f".robust-widgets-{'a' * 16}.partial"
    partial.write_bytes(b"half")
    os.utime(partial, (time.time() - 2 * PARTIAL_SECONDS,) * 2)
    assert autosave.load(SIDE) is not None and list(partial.parent.iterdir()) == [autosave.path]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such permissions")
def test_only_the_user_can_read_paintings_even_those_of_earlier_versions(autosave: Autosave) -> None:
    folder = autosave.path.parent
    folder.mkdir(0o755, parents=True)
    autosave.path.touch(0o644)
    autosave.save(noisy())
    assert (folder.stat().st_mode & 0o777, autosave.path.stat().st_mode & 0o777) == (0o700, 0o600)
    other = Autosave("another cell", folder)
    other.save(noisy())
    assert other.path.stat().st_mode & 0o777 == 0o600


def test_only_the_newest_painting_is_saved(autosave: Autosave) -> None:
    for seed in range(3):
        autosave.save(noisy(seed=seed))
    saved = autosave.load(SIDE)
    assert saved is not None and list(autosave.path.parent.iterdir()) == [autosave.path]
    np.testing.assert_array_equal(saved.image, noisy(seed=2).image)


def test_each_place_has_its_own_painting(tmp_path: Path) -> None:
    first, second = Autosave("cell 1", tmp_path), Autosave("cell 2", tmp_path)
    first.save(noisy())
    assert second.load(SIDE) is None and Autosave("cell 1", tmp_path).load(SIDE) is not None


def test_by_default_paintings_are_in_the_platforms_state_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ROBUST_WIDGETS_STATE", raising=False)
    monkeypatch.setattr("robust_widgets.widgets.studio.autosave.user_state_path", lambda name: tmp_path / name)
    assert Autosave("cell").path.parent == tmp_path / "robust-widgets" / "paintings"
    monkeypatch.setenv("ROBUST_WIDGETS_STATE", str(tmp_path / "mine"))
    assert Autosave("cell").path.parent == tmp_path / "mine" / "paintings"


def test_without_a_saved_painting_there_is_nothing_to_restore(autosave: Autosave) -> None:
    assert autosave.load(SIDE) is None


def test_the_time_of_the_painting_is_in_words(autosave: Autosave) -> None:
    autosave.save(noisy())
    at = datetime.now().replace(hour=14, minute=5).timestamp() - 2 * DAY
    os.utime(autosave.path, (at, at))
    saved = autosave.load(SIDE)
    assert saved is not None and saved.when == datetime.fromtimestamp(at).strftime("%d %B, 14:05")


@pytest.mark.parametrize("kind", ["empty", "text", "array", "other names", "objects", "floats", "folder"])
def test_a_file_that_is_no_painting_is_none(autosave: Autosave, kind: str) -> None:
    autosave.path.parent.mkdir(parents=True)
    raster = noisy()
    with autosave.path.open("wb") as file:
        if kind == "text":
            file.write(b"PK not a painting")
        elif kind == "array":
            np.save(file, raster.image)
        elif kind == "other names":
            np.savez(file, picture=raster.image)
        elif kind == "objects":
            np.savez(file, image=np.array([{}], dtype=object), sketch=raster.sketch)
        elif kind == "floats":
            np.savez(file, image=raster.image.astype(float), sketch=raster.sketch)
    if kind == "folder":
        autosave.path.unlink()
        autosave.path.mkdir()
    assert autosave.load(SIDE) is None


def test_a_file_that_claims_more_than_a_painting_is_not_unpacked(
    autosave: Autosave, monkeypatch: pytest.MonkeyPatch
) -> None:
    autosave.path.parent.mkdir(parents=True)
    raster = noisy()
    large = np.zeros((2000, 2000, 4), np.uint8)
    np.savez_compressed(autosave.path, image=raster.image, sketch=large)
    assert autosave.path.stat().st_size < 100_000
    read: list[str] = []
    monkeypatch.setattr("numpy.lib.format.read_array", lambda *_, **__: read.append("sketch"))
    assert autosave.load(SIDE) is None and len(read) <= 1


def test_a_damaged_file_is_none_wherever_the_damage_is(autosave: Autosave) -> None:
    autosave.save(noisy(8))
    whole = autosave.path.read_bytes()
    for length in range(0, len(whole) - 1, len(whole) // 25):
        autosave.path.write_bytes(whole[:length])
        assert autosave.load(8) is None
    changed = 0
    for position in range(0, len(whole), 9):
        damaged = bytearray(whole)
        damaged[position] ^= 0xFF
        autosave.path.write_bytes(damaged)
        saved = autosave.load(8)
        changed += saved is None
        if saved is not None:
            np.testing.assert_array_equal(saved.sketch, noisy(8).sketch)
    assert changed > 20


def test_a_painting_of_another_size_is_none(autosave: Autosave) -> None:
    autosave.save(noisy(SIDE))
    assert autosave.load(SIDE + 1) is None and autosave.load() is None


def test_old_paintings_are_removed_and_nothing_else(tmp_path: Path) -> None:
    ages = {"old.npz": MAX_AGE_DAYS + 1, "young.npz": MAX_AGE_DAYS - 1, "old.txt": 999}
    for name, days in ages.items():
        (tmp_path / name).write_bytes(b"")
        os.utime(tmp_path / name, (time.time() - days * DAY,) * 2)
    autosave = Autosave("cell", tmp_path)
    autosave.save(noisy())
    assert autosave.load(SIDE) is not None
    assert {file.name for file in tmp_path.iterdir()} == {"young.npz", "old.txt", autosave.path.name}


def test_an_unwritable_folder_is_reported_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(SaveError) as caught:
        Autosave("cell", tmp_path / "file" / "paintings").save(noisy())
    assert is_sentence(str(caught.value), str(tmp_path / "file"))


def test_several_threads_may_keep_the_painting_at_once(autosave: Autosave) -> None:
    rasters = [noisy(seed=seed) for seed in range(4)]

    def keep(raster: Raster) -> None:
        for _ in range(10):
            autosave.save(raster)

    at_once(*(partial(keep, raster) for raster in rasters))
    saved = autosave.load(SIDE)
    assert saved is not None and list(autosave.path.parent.iterdir()) == [autosave.path]
    assert any(np.array_equal(saved.sketch, raster.sketch) for raster in rasters)


def test_the_studio_restores_a_painting_after_a_restart_and_reports_it(page: Page, autosave: Autosave) -> None:
    before = StudioWidget(FakeSession(), autosave=autosave)
    assert before.surface is not None and not autosave.path.exists(), "nothing painted, nothing kept"
    page.tell(before.surface.pad, {"kind": "picture", "name": "a.png"}, encoded(noise(256, 256, 3)))
    page.stroke(before.surface.pad, [(40, 40), (200, 180)])
    after = StudioWidget(FakeSession(), autosave=Autosave("notebook, cell", autosave.path.parent))
    assert after.surface is not None and after.paint_box is not None
    np.testing.assert_array_equal(after.surface.raster.image, before.surface.raster.image)
    np.testing.assert_array_equal(after.surface.raster.sketch, before.surface.raster.sketch)
    assert page.shows(after.surface.canvas, after.surface.raster)
    assert is_sentence(after.status.text, datetime.now().strftime("%B"), "Restored") and after.paint_box.undo.disabled
    page.stroke(after.surface.pad, [(200, 40)])
    page.click(after.paint_box.undo)
    np.testing.assert_array_equal(after.surface.raster.sketch, before.surface.raster.sketch)
    page.click(after.runner.run_button)
    assert after.runner.running and after.status.text == ""


def test_finished_changes_are_saved_but_not_half_a_stroke(page: Page, autosave: Autosave) -> None:
    studio = StudioWidget(FakeSession(), autosave=autosave)
    surface = studio.surface
    assert surface is not None

    def is_kept() -> bool:
        saved = autosave.load()
        return saved is not None and np.array_equal(saved.sketch, surface.raster.sketch)

    page.part(surface.pad, "begin", [(40, 40)])
    page.part(surface.pad, "move", [(90, 90)])
    assert not autosave.path.exists()
    page.part(surface.pad, "end", [(99, 99)])
    assert is_kept()
    for change in (lambda: page.act(surface.pad, "undo"), lambda: page.act(surface.pad, "redo"), surface.clear):
        change()
        assert is_kept()


def test_a_damaged_file_does_not_keep_the_studio_from_opening(page: Page, autosave: Autosave) -> None:
    del page
    autosave.save(noisy(256))
    autosave.path.write_bytes(autosave.path.read_bytes()[:-200])
    studio = StudioWidget(FakeSession(), autosave=autosave)
    assert studio.surface is not None and studio.surface.raster.is_blank and studio.status.text == ""


def test_a_saved_empty_canvas_yields_to_the_picture(page: Page, autosave: Autosave) -> None:
    del page
    autosave.save(Raster())
    picture = noise(256, 256, 3)
    studio = StudioWidget(FakeSession(), picture=picture, autosave=autosave)
    assert studio.surface is not None and studio.status.text == ""
    np.testing.assert_array_equal(studio.surface.raster.image, picture)


def test_without_a_writable_folder_painting_and_running_still_work(page: Page, tmp_path: Path) -> None:
    blocked = tmp_path / "state"
    blocked.write_text("not a folder")
    studio = StudioWidget(FakeSession(), autosave=Autosave("cell", blocked / "paintings"))
    assert studio.surface is not None and studio.paint_box is not None and studio.status.text == ""
    page.stroke(studio.surface.pad, [(40, 40), (200, 180)], number=4)
    assert studio.status.kind == "error" and is_sentence(studio.status.text, str(blocked))
    assert page.shows(studio.surface.canvas, studio.surface.raster) and not studio.surface.raster.is_blank
    assert page.sent(studio.surface.pad, "painted")[0].content["id"] == 4 and not studio.paint_box.undo.disabled
    page.click(studio.runner.run_button)
    assert studio.runner.running
    page.click(studio.paint_box.undo)
    assert studio.surface.raster.is_blank and studio.paint_box.undo.disabled
    blocked.unlink()
    page.click(studio.paint_box.redo)
    assert Autosave("cell", blocked / "paintings").load() is not None


def test_without_a_writable_folder_a_painting_is_still_adopted(page: Page, tmp_path: Path) -> None:
    blocked = tmp_path / "state"
    blocked.write_text("not a folder")
    old = StudioWidget(FakeSession())
    assert old.surface is not None
    page.stroke(old.surface.pad, [(40, 40), (200, 180)])
    new = StudioWidget(FakeSession(), autosave=Autosave("cell", blocked / "paintings"))
    new.adopt(old, noise(256, 256, 3))
    assert new.surface is not None and new.surface.raster.sketch.any() and new.surface.raster.image.std() > 0
    assert old.closed and new.status.kind == "error" and is_sentence(new.status.text, str(blocked))
