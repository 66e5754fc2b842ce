from tests.harness.customers import ChatClient, Texter
def test_smoke(installation, brain, vendor):
    c = ChatClient(installation.port)
    assert c.say("Hello there?") == "Echo: Hello there?"
    t = Texter(installation.port, "blind")
    t.send("Hi you.")
    vendor.wait_for(lambda: vendor.to(t.address) == ["Echo: Hi you."])
    assert c.say('call book {"what": "room"}') == "Done: booked room"
def test_smoke2(house):
    assert house.visitor().say("Hello?") == "Echo: Hello?"
    c = house.texter("askable"); c.send("One.", "Two."); house.drain()
    print(house.sql("select direction, state, text from messages"))
