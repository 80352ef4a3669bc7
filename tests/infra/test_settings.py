"""Settings are read once, and what cannot be used is said with its name, its value and what to do."""

from pathlib import Path

import pytest

from infra.setting_invalid import SettingInvalid
from infra.settings import BACKGROUND, DEFAULT_PORT, from_environment


def test_nothing_set_means_the_embedded_server_in_the_default_folder() -> None:
    settings = from_environment({"DATABASE_URL": "", "PATH": "/bin"}, home=Path("/clone"))
    assert settings.database_url is None
    assert (settings.data, settings.data_was_chosen) == (Path("/clone/.cairn"), False)
    assert (settings.host, settings.port) == ("127.0.0.1", DEFAULT_PORT)


def test_what_is_set_is_used(tmp_path: Path) -> None:
    settings = from_environment(
        {"DATABASE_URL": "postgres://h/db", "CAIRN_DATA": str(tmp_path), "CAIRN_HOST": "::1", "CAIRN_PORT": "0"}
    )
    assert settings.database_url == "postgres://h/db"
    assert (settings.data, settings.data_was_chosen) == (tmp_path, True)
    assert (settings.host, settings.port) == ("::1", 0)


@pytest.mark.parametrize("port", ["x", "-1", "65536", "1.5", "٣", "999999999999", " 80"])
def test_a_port_that_is_none_is_refused(port: str) -> None:
    with pytest.raises(SettingInvalid, match=r"CAIRN_PORT is .* Set a number from 0 to 65535") as refused:
        from_environment({"CAIRN_PORT": port})
    assert (refused.value.variable, refused.value.value) == ("CAIRN_PORT", port)


def test_a_database_url_is_refused_without_repeating_its_password() -> None:
    with pytest.raises(SettingInvalid, match="postgresql://") as refused:
        from_environment({"DATABASE_URL": "mysql://me:secret@host/db"})
    assert "secret" not in str(refused.value)


def test_the_owner_of_the_database_may_be_somebody_else() -> None:
    served, owned = "postgresql://server@db/cairn", "postgresql://owner@db/cairn"
    settings = from_environment({"DATABASE_URL": served, "DATABASE_OWNER_URL": owned})
    assert (settings.database_url, settings.database_owner_url) == (served, owned)
    with pytest.raises(SettingInvalid, match="DATABASE_OWNER_URL") as refusal:
        from_environment({"DATABASE_OWNER_URL": "mysql://root:hush@db"})
    assert "hush" not in str(refusal.value)


def test_a_data_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingInvalid, match="It is a file; name a folder"):
        from_environment({"CAIRN_DATA": str(tmp_path / "file")})


@pytest.mark.parametrize(
    ("said", "done"),
    [
        ("", {*BACKGROUND}),
        ("none", set()),
        ("read-model", {"read-model"}),
        ("checkpoints, milestones, webhooks", {*BACKGROUND[1:]}),
    ],
)
def test_what_a_process_does_beside_answering_can_be_chosen(said: str, done: set[str]) -> None:
    assert from_environment({"CAIRN_BACKGROUND": said}).background == done


def test_work_that_there_is_not_is_refused_with_what_there_is() -> None:
    with pytest.raises(SettingInvalid, match="Name some of read-model, checkpoints, milestones, webhooks"):
        from_environment({"CAIRN_BACKGROUND": "read-model,signer"})
