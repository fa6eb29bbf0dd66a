"""The page as HTTP: who is refused, what is shown, what is told live, what is changed."""

import re
from urllib.parse import quote

import httpx
import pytest

from fleet.dashboard.guard import COOKIE
from handlers import ledger
from tests.fleet.dashboard.conftest import ALARM, FORMULA, Served
from tests.fleet.lab import moved, run


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example"},
        {"host": "127.0.0.1:1"},
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_no_other_page_is_answered(served: Served, headers: dict[str, str]) -> None:
    """A page in the same browser, or a name that turns to loopback, would read every sample of the fleet."""
    with served.client() as client:
        assert client.get("/").status_code == 200
        answer = client.get("/", headers=headers)
    assert answer.status_code == 403
    assert "soil" not in answer.text


def test_nothing_is_told_without_the_token(served: Served) -> None:
    """Another user of the machine can reach loopback, too."""
    for cookies in ({}, {COOKIE: "wrong"}, {COOKIE: served.secret.of_forms}):
        for path in (
            "/",
            "/runs",
            "/resources",
            "/events",
            "/static/live.js",
            "/enter?token=wrong",
            "/enter?token=%C3%A4",
        ):
            answer = httpx.get(served.address + path, cookies=cookies)
            assert answer.status_code == 401, path
    entered = httpx.get(f"{served.address}/enter?token={served.secret.token}")
    assert entered.status_code == 303
    assert "HttpOnly" in entered.headers["set-cookie"]
    assert "samesite=strict" in entered.headers["set-cookie"].lower()


@pytest.mark.parametrize(
    "path", ["/", "/runs", "/resources", "/nothing", "/sample?run=soil/S1", "/enter", "/static/live.js"]
)
def test_every_answer_forbids_what_a_page_does_not_need(served: Served, path: str) -> None:
    """One page without the policy is enough for a smuggled script."""
    with served.client() as client:
        answer = client.get(path)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert answer.headers["cache-control"] == "no-store"


def test_hostile_names_are_words_alone(served: Served) -> None:
    """Whoever names a sample would else act with headquarters' credentials."""
    with served.client() as client:
        pages = [
            client.get(path).text for path in ("/", "/?by=project", "/runs", f"/runs?q={quote(FORMULA)}")
        ]
        linked = re.search(r'href="(/sample\?[^"]*office=hq)"', pages[2])
        assert linked
        pages.append(client.get(linked[1].replace("&amp;", "&")).text)
        pages.append(client.get("/runs?q=" + quote('"><script>x</script>\u202e')).text)
    for page in pages:
        assert "<img src=x" not in page
        assert "<script>" not in page
        assert "\u202e" not in page
        assert not re.search(r"<style|\sstyle=|\son\w+=\"", page)
        assert not re.search(r"(src|href)=\"(https?:)?//", page)
    assert "&lt;img src=x" in pages[1]
    assert FORMULA in pages[2]


def test_the_overview_tells_of_offices_stages_and_failures(served: Served) -> None:
    """What nobody sees nobody mends."""
    with served.client() as client:
        page = client.get("/").text
    for words in ("1 running", "1 failed", "1 succeeded", "memory", "2 received", "capacity", "cost"):
        assert words in page.lower(), words
    assert page.count("<svg") == 4


def test_an_office_shows_its_releases_and_its_alarms(equipped: Served) -> None:
    """An office that runs another image than the repository says would look well, and so would an alarm."""

    def cards() -> dict[str, str]:
        with equipped.client() as client:
            page = client.get("/").text
        return {card[:2]: card for card in page.split('aria-labelledby="office-')[1:]}

    assert "Progressing: metagenome, 1 runs in flight finish on the release they" in cards()["eu"]
    running = moved(run(2, project="gut"), "running", 90)
    equipped.offices.at_headquarters("eu", moved(running, "succeeded", 7200))  # just now
    equipped.renew()
    assert "Synced" in cards()["eu"]
    assert ALARM in cards()["eu"]
    assert "OutOfSync: metagenome, no job definition is active: apply the office" in cards()["hq"]
    assert "none rings" in cards()["hq"]


def test_an_office_whose_health_cannot_be_asked_is_not_well(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No answer is not "Synced"."""
    from fleet.access import Unreachable
    from fleet.dashboard import health

    def asked(access: object, office: object) -> None:
        raise Unreachable("no credentials <b>")

    monkeypatch.setattr(health, "applied_of", asked)
    served.picture.renew_offices()
    with served.client() as client:
        page = client.get("/").text
    assert "health could not be asked: no credentials &lt;b&gt;" in page
    assert "Synced" not in page


def test_an_office_that_cannot_be_asked_is_shown_as_such(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An empty card would look like an office at rest."""
    from fleet import overview
    from fleet.access import Unreachable

    def asked(access: object, office: object) -> None:
        raise Unreachable("no credentials <b>")

    monkeypatch.setattr(overview, "ask_home", asked)
    served.picture.renew_offices()
    with served.client() as client:
        assert "could not be asked: no credentials &lt;b&gt;" in client.get("/").text


def test_a_sample_shows_every_attempt_and_why(served: Served) -> None:
    """The second question after `where is it` is `why`."""
    with served.client() as client:
        found = client.get("/runs?q=soil/S1", follow_redirects=True)
    assert found.url.path == "/sample"
    for words in ("Attempt 1", "Attempt 2", "OutOfMemoryError", "exit 9", "Tried again with more memory"):
        assert words in found.text, words
    assert "waited 60 s; ran 35 s" in found.text


def test_search_finds_a_part_of_a_name_and_says_when_there_is_none(served: Served) -> None:
    """People have half a name in hand."""
    with served.client() as client:
        assert client.get("/runs?q=RIVER", follow_redirects=True).url.path == "/sample"
        assert client.get("/runs?q=nowhere").status_code == 404
        assert client.get("/runs?state=nonsense").status_code == 409
        listed = client.get("/runs?state=failed&office=eu").text
    assert "metagenome/soil/S1" in listed
    assert "metagenome/gut/S2" not in listed


def test_changes_are_told_live(served: Served) -> None:
    """A page that stands still looks like a fleet that does."""
    with served.client() as client, client.stream("GET", "/events") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = answer.iter_lines()
        first = next(line for line in lines if line.startswith("id:"))
        served.offices.at_headquarters("us", moved(run(3, project="river"), "running", 400))
        served.renew()
        second = next(line for line in lines if line.startswith("id:"))
        assert int(second[3:]) > int(first[3:])
        assert "2 running" in client.get("/").text


def test_a_change_needs_the_token_the_origin_and_a_yes(served: Served) -> None:
    """One click in a foreign page would else stop the fleet's runs."""
    one = moved(run(2, project="gut"), "running", 90)
    form = {"run": one.run_id, "office": "eu", "why": "wrong tube", "token": served.secret.of_forms}
    own = {"origin": served.address}
    context = served.offices.access.context(served.offices.office("eu"))

    def state() -> str:
        known = ledger.read_run(context, one.run_id)
        assert known
        return known.state

    with served.client() as client:
        for wrong, headers in (
            (form | {"agreed": "yes"}, {}),
            (form | {"agreed": "yes"}, {"origin": "http://evil.example"}),
            (form | {"agreed": "yes", "token": ""}, own),
            (form | {"agreed": "yes", "token": served.secret.token}, own),
        ):
            assert client.post("/change/cancel", data=wrong, headers=headers).status_code == 403
            assert state() == "running"
        assert client.get("/change/cancel", params=form | {"agreed": "yes"}).status_code == 405
        assert client.post("/change/cancel", data=form | {"why": " "}, headers=own).status_code == 409
        asked = client.post("/change/cancel", data=form, headers=own)
        assert asked.status_code == 200
        assert "wrong tube" in asked.text
        assert state() == "running"
        client.post("/change/cancel", data=form | {"agreed": "yes"}, headers=own)
    assert state() == "failed"


def test_a_rerun_that_may_not_be_is_refused_in_words(served: Served) -> None:
    """The page must not be the way around the command's refusals."""
    one = moved(run(2, project="gut"), "running", 90)
    form = {"run": one.run_id, "office": "eu", "token": served.secret.of_forms, "agreed": "yes"}
    with served.client(origin=served.address) as client:
        answer = client.post("/change/rerun", data=form)
    assert answer.status_code == 409
    assert "cancel it first" in answer.text
