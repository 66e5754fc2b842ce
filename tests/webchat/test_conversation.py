"""The widget in a browser, on another site's page: talking."""

from __future__ import annotations

from playwright.sync_api import expect

from .conftest import Visits
from .site import ChatServer, FakeServer

LISTEN = """log => {
    window.heard = [];  // what is added to the live region outside of what is hidden from it
    const add = node => { if (!(node.closest ? node : node.parentElement)?.closest('[aria-hidden=true]'))
        heard.push(node.querySelector?.('.text')?.textContent ?? node.textContent); };
    new MutationObserver(list => list.forEach(change => change.addedNodes.forEach(add)))
        .observe(log, { childList: true, subtree: true });
}"""


def test_a_streamed_answer_is_seen_while_it_is_written_and_announced_once(visit: Visits, server: ChatServer) -> None:
    server.reply("😀 One two three", hold=2)
    visitor = visit()
    visitor.open()
    expect(visitor.log).to_have_attribute("aria-relevant", "additions")
    visitor.log.evaluate(LISTEN)
    visitor.say("Count")
    expect(visitor.writing).to_have_text("😀 One ")
    expect(visitor.message("One")).to_have_count(0)
    told = visitor.panel.get_by_role("status").filter(has_text="Writing an answer")
    expect(told).to_have_count(1)
    server.go()
    expect(visitor.message("😀 One two three")).to_have_count(1)
    expect(visitor.writing).to_be_hidden()
    expect(told).to_have_count(0)
    heard = visitor.page.evaluate("window.heard")
    assert [text for text in heard if "One" in text] == ["😀 One two three"]


def test_html_and_dangerous_links_are_only_text(visit: Visits, server: ChatServer) -> None:
    nasty = '<img src=x onerror="window.hit=1"><b>bold</b> javascript:alert(1) data:text/html,x'
    server.reply(f"{nasty} see https://example.com/a?b=1). {{text}}")
    visitor = visit()
    visitor.open()
    visitor.say("<script>window.hit=1</script>")
    answer = visitor.answers.last.locator(".text")
    expect(answer).to_have_text(f"{nasty} see https://example.com/a?b=1). <script>window.hit=1</script>")
    expect(visitor.own.locator(".text")).to_have_text(["<script>window.hit=1</script>"])
    links = answer.locator("a")
    expect(links).to_have_count(1)
    expect(links).to_have_attribute("href", "https://example.com/a?b=1")
    expect(links).to_have_attribute("rel", "noopener noreferrer nofollow")
    assert visitor.log.locator("img, b, script").count() == 0
    assert visitor.page.evaluate("window.hit") is None


def test_a_closed_chat_counts_what_is_unread(visit: Visits, server: ChatServer) -> None:
    server.reply("A late answer", hold=1)
    visitor = visit()
    visitor.open()
    visitor.say("Hello?")
    expect(visitor.writing).to_be_visible()
    visitor.page.keyboard.press("Escape")
    server.go()
    expect(visitor.bubble.locator(".badge")).to_have_text("1")
    expect(visitor.bubble).to_have_attribute("aria-label", "Open chat, 1 unread message")
    visitor.open()
    expect(visitor.message("A late answer")).to_be_visible()
    expect(visitor.bubble.locator(".badge")).to_be_hidden()


def test_a_person_who_writes_is_no_automated_assistant(visit: Visits, fake: FakeServer) -> None:
    visitor = visit()
    visitor.open()
    visitor.say("A person, please")
    expect(visitor.message("You wrote: A person")).to_be_visible()
    expect(visitor.status).to_have_text("Automated assistant")
    fake.say("This is Ben.", author="person")
    expect(visitor.answers.last.locator(".author")).to_have_text("Our team")
    expect(visitor.status).to_have_text("Our team")
    visitor.reload()
    expect(visitor.status).to_have_text("Our team")
    fake.say("Robin again.")
    expect(visitor.message("Robin again.")).to_be_visible()
    expect(visitor.status).to_have_text("Automated assistant")


def test_another_person_sees_nothing_of_the_last_one(visit: Visits, fake: FakeServer) -> None:
    ana = visit(options={"identity": fake.identity("ana")})
    ana.open()
    ana.say("Ana's question")
    expect(ana.message("You wrote: Ana's question")).to_be_visible()
    ana.page.evaluate("jwt => receptionist.identify(jwt)", fake.identity("ben"))
    expect(ana.message("Ana's question")).to_have_count(0)
    ana.say("Ben's question")
    expect(ana.message("You wrote: Ben's question")).to_be_visible()
    ana.page.evaluate("receptionist.identify(null)")
    expect(ana.own).to_have_count(0)
    assert "user-" not in ana.page.evaluate("Object.keys(localStorage).join()")
    ana.page.evaluate("jwt => receptionist.identify(jwt)", fake.identity("ana"))
    expect(ana.message("You wrote: Ana's question")).to_be_visible()
    expect(ana.message("Ben's question")).to_have_count(0)


def test_a_page_may_say_later_who_is_signed_in(visit: Visits, fake: FakeServer) -> None:
    visitor = visit(options={"identity": ""})
    visitor.open()
    visitor.say("Too early")
    expect(visitor.input).to_have_value("Too early")
    visitor.page.evaluate("jwt => receptionist.identify(jwt)", fake.identity("carla"))
    expect(visitor.status).to_have_text("Automated assistant")
    visitor.input.press("Enter")
    expect(visitor.message("You wrote: Too early")).to_be_visible()
    visitor.reload()
    assert "user-" in visitor.page.evaluate("Object.keys(localStorage).join()")


def test_an_answer_taken_back_is_not_left_standing(visit: Visits, fake: FakeServer) -> None:
    fake.reply("Never mind this", hold=2)
    visitor = visit()
    visitor.open()
    visitor.say("Restart please")
    expect(visitor.writing).to_have_text("Never mind ")
    fake.reset()
    expect(visitor.writing).to_be_hidden()
    expect(visitor.log.locator(".typing")).to_be_visible()
    fake.go()
    expect(visitor.message("Never mind this")).to_be_visible()
    expect(visitor.log.locator(".typing")).to_be_hidden()


def test_a_forged_identity_is_nobody(visit: Visits, fake: FakeServer) -> None:
    visitor = visit(options={"identity": fake.identity("ana", secret="not the secret, but just as long as one")})
    visitor.open()
    expect(visitor.panel).to_contain_text("Your sign-in could not be confirmed. Please sign in again.")
    visitor.say("Let me in")
    expect(visitor.own).to_contain_text("Not sent yet")
    assert visitor.warnings == ["Receptionist: The identity was refused: it is not signed as agreed."]
    assert not any("Let me in" in conversation for conversation in fake.received())
