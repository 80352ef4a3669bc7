"""A database such as the old application left behind, of any size, made for tests."""

import sqlite3
from contextlib import closing
from pathlib import Path

TABLES = """
CREATE TABLE staff (id INTEGER PRIMARY KEY, name TEXT, email TEXT, role TEXT, active INTEGER, pw_md5 TEXT);
CREATE TABLE clients (id INTEGER PRIMARY KEY, name TEXT, email TEXT, phone TEXT, lang TEXT, no_sms INTEGER,
                      created TEXT);
CREATE TABLE locations (id INTEGER PRIMARY KEY, client_id INT, label TEXT, address TEXT, city TEXT, zip NUMERIC,
                        lat REAL, lng REAL, gate_code TEXT);
CREATE TABLE equipment (id INTEGER PRIMARY KEY, location_id INT, serial, model TEXT, installed TEXT, state TEXT);
CREATE TABLE jobs (id INTEGER PRIMARY KEY, client_id INT, location_id INT, equipment_id INT, kind TEXT, descr TEXT,
                   status TEXT, prio, opened TEXT, due TEXT, closed TEXT, assigned_to INT, resolution TEXT,
                   billable INTEGER, tags TEXT);
CREATE TABLE visits (id INTEGER PRIMARY KEY, job_id INT, staff_id INT, planned TEXT, arrived TEXT, left TEXT,
                     outcome TEXT);
CREATE TABLE notes (id INTEGER PRIMARY KEY, job_id INT, staff_id INT, body TEXT, at INTEGER);
CREATE TABLE parts (sku TEXT PRIMARY KEY, name TEXT, cost NUMERIC);
CREATE TABLE part_use (job_id INT, sku TEXT, qty NUMERIC, at INTEGER);
CREATE TABLE photos (id INTEGER PRIMARY KEY, job_id INT, name TEXT, mime TEXT, data BLOB);
CREATE TABLE settings (k TEXT, v TEXT);
"""
EVENTS_PER_JOB = 11
"""Created, opened, three of the visit, three of the end, a note, a part, a photo."""


def make_old_database(path: Path, *, jobs: int) -> Path:
    """A clean database of so many closed jobs, each with a visit, a note, a part and a photo."""
    with closing(sqlite3.connect(path)) as db:
        db.executescript(TABLES)
        db.execute("INSERT INTO settings VALUES ('tz', 'America/New_York'), ('currency', 'USD'), ('version', '3.2')")
        db.execute("INSERT INTO staff VALUES (1, 'Kaya Łukasz', 's1@example.org', 'TECH', 1, 'd41d8cd98f00b204')")
        db.execute("INSERT INTO parts VALUES ('VLV-20', 'Ball valve 20 mm', '14,90')")
        db.execute("INSERT INTO clients VALUES (1, ' Ada ', 'c1@example.org', '(212) 555-0142', 'EN', 1, '2018-01-01')")
        db.execute(
            "INSERT INTO locations VALUES (1, 1, '', '57 LUDLOW STREET', 'NEW YORK', 10002, 40.7, -73.9, '0042')"
        )
        for n in range(1, jobs + 1):
            opened, closed = f"2018-06-{n % 28 + 1:02d} 10:00:{n % 60:02d}", f"2018-07-{n % 28 + 1:02d} 12:00:00"
            db.execute(
                "INSERT INTO jobs VALUES "
                "(?, 1, 1, NULL, 'Street Light', '二楼 ✔', 'DONE', 2, ?, NULL, ?, 1, 'done', 1, 'DOT')",
                (n, opened, closed),
            )
            db.execute("INSERT INTO visits VALUES (?, ?, 1, ?, ?, ?, 'ok')", (n, n, opened, closed, closed))
            db.execute("INSERT INTO notes VALUES (?, ?, 1, 'see photo', ?)", (n, n, 1530500000 + n))
            db.execute("INSERT INTO part_use VALUES (?, 'VLV-20', '0.5', ?)", (n, 1530500000 + n))
            db.execute(
                "INSERT INTO photos VALUES (?, ?, ?, 'image/jpeg', ?)", (n, n, f"{n}.jpg", b"\xff\xd8" + bytes([n % 7]))
            )
        db.commit()
    return path
