"""Leads from CSV files and to them: a file is taken in whole, or the rows and what is wrong with them are named."""

from __future__ import annotations

import csv
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as some

from receptionist.cli import main
from receptionist.db import Scope
from receptionist.services.leads import lead_fields, lead_import, lead_search, lead_values
from receptionist.services.leads.lead_cells import plain, safe
from tests.harness.databases import SQLITE, first_on_both
from tests.harness.house import House

Lead = Callable[..., str]


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> str:
    """The database of `house`."""
    return str(request.param)


@pytest.fixture
def lead(house: House, monkeypatch: pytest.MonkeyPatch) -> Lead:
    """`lead("import", file)`: what `receptionist lead` prints; with `fails=True` it must complain."""
    monkeypatch.setattr("receptionist.cli.base.assembled", lambda: (house.parts, house.factory))

    def run(*arguments: object, fails: bool = False) -> str:
        result = CliRunner().invoke(main, ["lead", *map(str, arguments)])
        assert (result.exit_code != 0) == fails, (result.output, result.exception)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.output
        return result.output

    return run


@pytest.fixture
def scope(house: House) -> Iterator[Scope]:
    """A look at the account."""
    with house.parts.database.read() as connection:
        yield Scope(connection, 1)


def file(tmp_path: Path, content: str | bytes, name: str = "leads.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def add_fields(house: House) -> None:
    with house.parts.database.begin() as connection:
        scope = Scope(connection, 1)
        for kind in ("text", "number", "date", "yes_no"):
            lead_fields.add(scope, f"a_{kind}", kind)
        lead_fields.add(scope, "size", "choice", title="Shoe size", choices=["S", "Größe 40"])


def rows(house: House) -> list[tuple[object, ...]]:
    names = "name, email, phone, company, status, notes"
    return [tuple(row) for row in house.sql(f"SELECT {names} FROM leads ORDER BY id")]


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


TABLE = "Full name;E-Mail;Phone number;Organisation;Tags;Remarks\nAda;ada@example.org;+15735550142;Acme;vip, new;x\n"


@first_on_both("separator,bom", [(",", b""), (";", b"\xef\xbb\xbf"), ("\t", b"")])
def test_usual_files_are_understood(
    house: House, lead: Lead, scope: Scope, tmp_path: Path, bom: bytes, separator: str
) -> None:
    content = TABLE.replace("vip, new", '"vip, new"').replace(";", separator)
    said = lead("import", file(tmp_path, bom + content.encode()), "--tag", "fair")
    assert "Columns passed over: Remarks" in said and "1 new, 0 changed, 0 as before, 0 wrong" in said
    [row] = lead_search.listed(scope).rows
    assert (row.name, row.email, row.phone, row.company) == ("Ada", "ada@example.org", "+15735550142", "Acme")
    assert [each.id for tag in ("fair", "new", "vip") for each in lead_search.listed(scope, tag=tag).rows] == [
        row.id
    ] * 3


def test_the_same_file_twice_changes_nothing(house: House, lead: Lead, tmp_path: Path) -> None:
    path = file(tmp_path, TABLE + "Bo;;;;;\nCleo;cleo@example.org;;;;\nBo;;;Acme;;\n")
    assert "4 new, 0 changed" in lead("import", path)
    before = rows(house)
    assert "0 new, 0 changed, 4 as before, 0 wrong" in lead("import", path)
    assert rows(house) == before


def test_a_known_lead_is_filled_in_and_overwritten_only_when_asked(house: House, lead: Lead, tmp_path: Path) -> None:
    lead("import", file(tmp_path, TABLE))
    path = file(tmp_path, "name,phone,email,company,notes\nAda Lovelace,+1 573 555 0142,new@example.org,,Likes tea.\n")
    assert "0 new, 1 changed" in lead("import", path)
    assert rows(house) == [("Ada", "ada@example.org", "+15735550142", "Acme", "new", "Likes tea.")]
    assert "0 new, 1 changed" in lead("import", path, "--overwrite")
    assert rows(house) == [("Ada Lovelace", "new@example.org", "+15735550142", "Acme", "new", "Likes tea.")]


def test_a_dry_run_changes_nothing(house: House, lead: Lead, tmp_path: Path) -> None:
    assert "Would be: 1 new" in lead("import", file(tmp_path, TABLE), "--dry-run")
    assert rows(house) == []


@SQLITE
def test_rows_of_nobody_are_passed_over_and_counted(house: House, lead: Lead, tmp_path: Path) -> None:
    path = file(tmp_path, "name,email,notes\n,,likes tea\nAda,,\n\U0001f642,,\n")
    for dry in (["--dry-run"], []):
        said = lead("import", path, *dry)
        assert "1 new, 0 changed, 0 as before, 0 wrong." in said
        assert "Passed over: 2 rows tell of nobody (no e-mail, no phone, and no name or company with a let" in said
    assert [row[0] for row in rows(house)] == ["Ada"]
    lead("export", tmp_path / "one.csv")
    assert "Passed over: 2" not in lead("import", tmp_path / "one.csv")


@SQLITE
def test_numbers_without_a_country_code_are_shown_as_they_were_read(house: House, lead: Lead, tmp_path: Path) -> None:
    house.sql("UPDATE accounts SET country = 'DE'")
    numbers = ["030 123456", "+353871234567", "030 123457", "030 123458", "030 123459"]
    path = file(tmp_path, "phone\n" + "\n".join(numbers))
    told = "were read by the account's country: 030 123456 as +4930123456, 030 123457 as +4930123457, 030 123458 as +"
    assert told in lead("import", path, "--dry-run")
    assert "+353" not in lead("import", path)


@SQLITE
def test_wrong_rows_are_named_and_written_to_a_file_that_can_be_mended(
    house: House, lead: Lead, tmp_path: Path
) -> None:
    wrong = (
        'name,email,phone\nAda,ada(at)example.org,\n"Bo\nPeep",bo@example.org,12\n,,\n=Cy,,\n'
        "Di,di@example.org,,,x\n,,1\n"
    )
    path = file(tmp_path, wrong)
    said = lead("import", path, fails=True)
    assert 'Line 2: email "ada(at)example.org": This is not an e-mail address' in said
    assert 'Line 3: phone "12": This is not a phone number' in said
    assert "Line 7: There are 5 cells, but the file has 3 columns." in said
    assert "1 new, 0 changed, 0 as before, 4 wrong" in said
    errors = table(tmp_path / "leads.csv.errors.csv")
    assert [row["name"] for row in errors] == ["Ada", "Bo\nPeep", "Di", ""]
    assert [row["line"] for row in errors] == ["2", "3", "7", "8"]
    assert [row["error"][:20] for row in errors][2] == "There are 5 cells, b", "what is too much stands behind it"
    mended = (tmp_path / "leads.csv.errors.csv").read_text().replace("ada(at)", "ada@")
    again = lead("import", file(tmp_path, mended, "mended.csv"), fails=True)
    assert "There are 7 cells, but the file has 5 columns." in again, "what stood beside the table must be mended"
    assert [row[0] for row in rows(house)] == ["=Cy", "Ada"]


@SQLITE
def test_a_file_of_errors_that_was_mended_is_never_changed(house: House, lead: Lead, tmp_path: Path) -> None:
    path = file(tmp_path, "name,email\nAda,ada(at)example.org\nBo,bo@example.org\n")
    first, second = tmp_path / "leads.csv.errors.csv", tmp_path / "leads.csv.errors.2.csv"
    assert "The wrong rows are in" not in lead("import", path, "--dry-run", fails=True)
    assert sorted(tmp_path.glob("*.csv*")) == [path], "a dry run writes nothing"
    for _ in range(2):
        assert f"The wrong rows are in {first}." in lead("import", path, fails=True)
        assert sorted(tmp_path.glob("*.csv*")) == [path, first], "the very same rows need no other file"
    mended = first.read_text().replace("(at)", "@")
    first.write_text(mended)
    lead("import", path, "--dry-run", fails=True)
    for _ in range(2):
        assert f"The wrong rows are in {second}." in lead("import", path, fails=True)
    assert first.read_text() == mended and "ada(at)" in second.read_text()
    assert sorted(tmp_path.glob("*.csv*")) == [path, second, first]
    assert "1 new" in lead("import", first)
    endless = file(tmp_path, 'name,email\nDi,di(at)example.org\n"Ed' + "\nx" * 40_000, "endless.csv")
    assert "The wrong rows are in" in lead("import", endless, fails=True)
    assert "di(at)" in (tmp_path / "endless.csv.errors.csv").read_text(), "though the rest cannot be read"


@SQLITE
def test_lines_that_a_quotation_mark_swallows_are_counted_and_kept(house: House, lead: Lead, tmp_path: Path) -> None:
    below = "".join(f"P{number},p{number}@example.org,\n" for number in range(7))
    quoted = '"Cy,cy@example.org,\nDi,di@example.org,\n"Ed",ed@example.org,\n'
    path = file(tmp_path, f'name,email,phone\nAda,ada@example.org,\n{quoted}Flo,,1\n"Gus,=1+1,\n{below}')
    said = lead("import", path, fails=True)
    assert "Line 3: a quotation mark is in the wrong place (" in said and "so lines 3 to 5 were not read." in said
    assert "Line 7: a quotation mark of this row is never closed, so lines 7 to 14 were not read." in said
    assert "1 new, 0 changed, 0 as before, 3 wrong (11 lines not read)." in said
    errors = tmp_path / "leads.csv.errors.csv"
    kept = errors.read_text()
    assert quoted in kept and kept.endswith(f"\"Gus,'=1+1,\n{below}"), "no formula, else as it was"
    again = lead("import", errors, fails=True)
    assert "0 new, 0 changed, 0 as before, 3 wrong (11 lines not read)." in again and "nobody" not in again
    mended = kept.replace('"Cy', "Cy").replace('"Gus', "Gus").replace("'=1+1", "gus@example.org")
    assert "11 new, 0 changed, 0 as before, 1 wrong." in lead("import", file(tmp_path, mended, "m.csv"), fails=True)


@SQLITE
def test_rows_that_say_otherwise_than_their_lead_are_worth_a_look(house: House, lead: Lead, tmp_path: Path) -> None:
    lead("add", "name=Ada Lovelace", "phone=+491701234567", "email=ada@example.org")
    path = file(
        tmp_path,
        "name;email;phone\nIda;ida@example.com;+491701234567\nADA LOVELACE;Ada@example.org;+4930111111\n"
        "Bo;bo@example.org;\n\x1b[2JBob;bo@example.org;+49302222222\nada lovelace;ada@EXAMPLE.org;\n",
    )
    told = (
        'Line 2: lead 1 (Ada Lovelace); not taken over: name "Ida", email "ida@example.com"\n',
        'Line 3: lead 1 (Ada Lovelace); not taken over: phone "+4930111111"\n',
    )
    for dry, bo in ((["--dry-run"], "a lead this file makes"), ([], "lead 2")):
        said = lead("import", path, *dry)
        assert "1 new, 1 changed, 3 as before, 0 wrong." in said
        assert "Worth a look: 3 rows say otherwise than the leads they are about" in said
        assert all(each in said for each in told)
        assert f'Line 5: {bo} (Bo); not taken over: name "[2JBob"' in said and "\x1b" not in said
    assert "Worth a look" not in lead("import", path, "--overwrite")


@SQLITE
def test_an_export_tells_leads_apart_that_share_an_address(house: House, lead: Lead, tmp_path: Path) -> None:
    lead("add", "name=Ada", "email=ada@example.org")
    lead("add", "name=Stranger")
    lead("add", "name=Bo", "notes=tea")
    lead("add", "name=Bo", "notes=coffee")
    house.sql("UPDATE leads SET email = 'ada@example.org' WHERE name = 'Stranger'")  # as the agent was told
    before = rows(house)
    lead("export", tmp_path / "all.csv")
    assert "0 new, 0 changed, 4 as before, 0 wrong.\n" in lead("import", tmp_path / "all.csv", "--overwrite")
    again = lead("import", tmp_path / "all.csv")
    assert rows(house) == before and "Worth a look" not in again
    for name in ("identities", "lead_words", "leads"):
        house.sql(f"DELETE FROM {name}")
    elsewhere = lead("import", tmp_path / "all.csv")
    assert "2 new, 0 changed, 2 as before" in elsewhere and 'not taken over: name "Ada"' in elsewhere


@SQLITE
def test_a_wrong_cell_is_shown_by_the_name_of_its_column_shortened_and_harmless(
    house: House, lead: Lead, tmp_path: Path
) -> None:
    said = lead("import", file(tmp_path, f"name,E-Mail address\nAda,\x1b[31m{'x' * 100}\n"), fails=True)
    assert f'Line 2: E-Mail address "\ufffd[31m{"x" * 54}…": This is not an e-mail address' in said


def test_an_interrupt_stops_between_two_batches_and_the_same_file_goes_on(
    house: House, lead: Lead, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = file(tmp_path, "name,company\n" + "".join(f"Person{number},Acme\n" for number in range(5)))
    monkeypatch.setattr(lead_import, "BATCH", 2)
    before = signal.getsignal(signal.SIGINT)
    take = lead_import._Batch.take

    def interrupted(batch: lead_import._Batch, scope: Scope, rows: list[lead_import.Row]) -> None:
        signal.raise_signal(signal.SIGINT)  # Ctrl-C in the midst of a batch
        take(batch, scope, rows)

    with monkeypatch.context() as patched:
        patched.setattr(lead_import._Batch, "take", interrupted)
        said = lead("import", path, fails=True)
    assert "Imported: 2 new, 0 changed, 0 as before, 0 wrong." in said
    assert "Interrupted; these rows are in, and the same command again goes on." in said
    assert signal.getsignal(signal.SIGINT) is before
    assert "3 new, 0 changed, 2 as before" in lead("import", path)


@SQLITE
@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "The file is empty"),
        ("name\nJörg".encode("latin-1"), "Line 2: this is not UTF-8; with 'ö' in it, it is perhaps latin-1"),
        ("name\nAda".encode("utf-16"), "The file is UTF-16, not UTF-8"),
        (b"name\nAd\0a", "The file is not text"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "The file is not text, but a picture"),
        (b"age,town\n12,Bonn", "No column is a name, email, phone or company"),
        (b"name,Full name\nAda,Ada", "Two columns are for name; say --map"),
        (b'name\n"Ada' + b"\nx" * 40_000, "Line 2: this row has more than 64 kB; perhaps a quotation mark is missing"),
        (b"name\n" + b"x" * 70_000, "Line 2: this row has more than 64 kB"),
        (b"name," + b"x," * 300 + b"\n", "at most 200 can be read"),
    ],
)
def test_files_that_cannot_be_read_are_refused_with_the_cure(
    house: House, lead: Lead, tmp_path: Path, content: bytes, says: str
) -> None:
    assert says in lead("import", file(tmp_path, content), fails=True)
    assert rows(house) == []


@SQLITE
def test_columns_can_be_mapped_by_hand(house: House, lead: Lead, tmp_path: Path) -> None:
    add_fields(house)
    path = file(tmp_path, "Wer,name,Shoe size,size\nAda,x,grosse 40,S\n".replace("grosse", "größe"))
    assert "Two columns are for" in lead("import", path, fails=True)
    assert "no column Nobody" in lead("import", path, "--map", "Nobody=name", fails=True)
    assert "no field age" in lead("import", path, "--map", "Wer=age", fails=True)
    lead("import", path, "--map", "Wer=name", "--map", "name=-", "--map", "size=-")
    [row] = house.sql("SELECT name, custom FROM leads")
    assert row.name == "Ada" and "40" in str(row.custom)


def test_an_export_is_imported_again_without_any_difference(house: House, lead: Lead, tmp_path: Path) -> None:
    add_fields(house)
    with house.parts.database.begin() as connection:
        scope = Scope(connection, 1)
        reader = lead_values.reader(scope)
        for given in (
            {"name": "=1+1", "phone": "+4930123456", "notes": "-a\n\"b\", 'c'\n=d", "tags": "@home,vip"},
            {
                "name": "'=x",
                "email": "obrien@example.org",
                "company": "@acme; Co",
                "language": "pt-BR",
                "status": "lost",
            },
            {
                "name": "Zoë 李",
                "timezone": "Europe/Berlin",
                "custom.a_text": "+49 & more",
                "custom.a_number": "-0.000001",
            },
            {"name": "Y", "custom.a_date": "2026-02-03", "custom.a_yes_no": "no", "custom.size": "Größe 40"},
        ):
            lead_values.create(scope, reader.read(given), "Ann")
    house.texter("blind").send("Hello")
    assert "5 leads are in" in lead("export", tmp_path / "out.csv")
    assert "out.csv is there already; remove it, or name another file" in lead(
        "export", tmp_path / "out.csv", fails=True
    )
    content = table(tmp_path / "out.csv")
    assert all(not cell.startswith(tuple("=+-@\t\r")) for row in content for cell in row.values())
    named = [row for row in content if row["name"]]
    assert [row["phone"] for row in named if row["phone"]] == ["'+4930123456"]
    again = lead("import", tmp_path / "out.csv", "--overwrite")
    assert again.startswith("Imported: 0 new, 0 changed, 4 as before, 0 wrong.\nPassed over: 1 row tells of nobody")
    assert again.count("\n") == 2, "nothing else is said of one's own export"
    assert not (tmp_path / "out.csv.errors.csv").exists()
    names = "name, email, phone, company, status, notes, language, timezone, custom"
    before = house.sql(f"SELECT {names} FROM leads WHERE name IS NOT NULL ORDER BY name")
    house.sql("DELETE FROM identities WHERE kind IN ('email', 'phone')")
    for name in ("lead_words", "lead_tags", "status_changes"):
        house.sql(f"DELETE FROM {name}")
    house.sql("DELETE FROM leads WHERE name IS NOT NULL")
    lead("import", tmp_path / "out.csv")
    assert house.sql(f"SELECT {names} FROM leads WHERE name IS NOT NULL ORDER BY name") == before
    lead("export", tmp_path / "again.csv", "--tag", "@home")
    assert [row["tags"] for row in table(tmp_path / "again.csv")] == ["'@home, vip"]


@given(some.text(alphabet="'=+-@\t\r\n＝a "))
def test_a_safe_cell_begins_no_formula_and_is_itself_again(cell: str) -> None:
    assert not safe(cell).startswith(tuple("=+-@\t\r\n＝"))
    assert plain(safe(cell)) == cell


def test_a_dry_run_knows_again_who_is_in_an_earlier_batch(
    house: House, lead: Lead, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lead_import, "BATCH", 10)
    filler = "".join(f"N {number},n{number}@example.org,,\n" for number in range(lead_import.BATCH))
    again = (
        "Ada L,ada@example.org,,\n,ada@example.org,,Engines\nZ,,+4930123456,\n,ada@example.org,+4930123456,\nCy,,,\n"
    )
    path = file(tmp_path, f"name,email,phone,company\nAda,ada@example.org,,\nCy,,,\n{filler}{again}")
    says = f"{lead_import.BATCH + 3} new, 1 changed, 2 as before, 1 wrong"
    assert says in lead("import", path, "--dry-run", fails=True)
    assert rows(house) == []
    assert says in lead("import", path, fails=True), "as it was foretold"


def test_an_import_lets_others_write_between_its_batches(
    house: House, lead: Lead, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lead_import, "BATCH", 2)
    pauses: list[float] = []
    monkeypatch.setattr("time.sleep", pauses.append)
    lead("import", file(tmp_path, "name\n" + "".join(f"N {number}\n" for number in range(6))))
    assert len([pause for pause in pauses if pause > 0]) == 3


def test_an_export_is_filtered_like_a_list(house: House, lead: Lead, scope: Scope, tmp_path: Path) -> None:
    lead("add", "name=Ada")
    lead("add", "name=Bo")
    lead("add", "name=Cy")
    lead("consent", "2", "loopback", "refused")
    house.sql("UPDATE leads SET strategy_id = 1 WHERE name = 'Cy'")
    for number, (filters, names) in enumerate(
        ((["--opted-out"], ["Bo"]), (["--not-opted-out"], ["Cy", "Ada"]), (["--strategy", "House"], ["Cy"]))
    ):
        lead("export", tmp_path / f"{number}.csv", *filters)
        assert sorted(row["name"] for row in table(tmp_path / f"{number}.csv")) == sorted(names)
    assert "no strategy Nobody" in lead("export", tmp_path / "none.csv", "--strategy", "Nobody", fails=True)
    assert not (tmp_path / "none.csv").exists()


@SQLITE
def test_s63_what_a_strange_file_calls_its_columns_reaches_no_terminal(
    lead: Callable[..., str], tmp_path: Path
) -> None:
    said = lead("import", file(tmp_path, "\u202eeman;\x9b2J\x07\x1b]0;mine\n1;2\n"), fails=True)
    assert "No column is a name" in said
    assert said.replace("\n", "").isprintable()
