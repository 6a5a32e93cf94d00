"""Five control nodes over five members of etcd: every endpoint takes and tells everything, two may be dead, a minority sends clients on."""

from clients import CLUSTER, ZONAL, Key
from table import Sheet
from world import wait_for
from zonal import ARN, equal

UNAVAILABLE = "EndpointTemporarilyUnavailableException"


def run(table, world, boto, clis):
    """`boto` and `clis` are drivers; their endpoints are replaced."""
    begun = Sheet(table, boto)
    endpoints = begun.step("five nodes over five members of etcd start", world.five)
    if not endpoints:
        return
    places = [boto.of(endpoint=endpoint) for endpoint in endpoints]
    arns = every_endpoint(begun, places)
    rules_hold_everywhere(begun, places, arns)
    for cli in clis:
        from_a_shell(Sheet(table, cli), cli, endpoints, arns)
    two_dead(begun, world, places, arns)
    minority(table, begun, world, places, clis, arns)


def listed(place):
    told = place.call(CLUSTER, "list-routing-controls")
    assert told.error is None, f"{told.error}: {told.message}"
    return {c["RoutingControlName"]: c for c in told.body["RoutingControls"]}


def states(place):
    return {name: control["RoutingControlState"] for name, control in listed(place).items()}


def every_endpoint(sheet, places):
    arns = {}

    def same():
        for place in places:
            found = {name: c["RoutingControlArn"] for name, c in listed(place).items()}
            equal(set(found), {"eu-west-2", "us-east-1"})
            equal(arns.setdefault("all", found), found)

    sheet.step("list-routing-controls is the same at five endpoints", same)
    found = arns.get("all", {})
    for at, place in enumerate(places):
        writer, to = place, "Off" if at % 2 == 0 else "On"

        def act():
            arn = found["us-east-1"]
            told = writer.call(CLUSTER, "update-routing-control-state", RoutingControlArn=arn, RoutingControlState=to)
            assert told.error is None, f"{told.error}: {told.message}"
            for reader in places:
                read = reader.call(CLUSTER, "get-routing-control-state", RoutingControlArn=arn)
                equal(read.body.get("RoutingControlState"), to)

        sheet.step(f"update-routing-control-state at endpoint {at}, read at all five at once", act)

    def shift():
        resource = {"resourceIdentifier": ARN + "pool/web"}
        start = {**resource, "awayFrom": "euw2-az1", "expiresIn": "10m", "comment": "everywhere"}
        told = places[1].call(ZONAL, "start-zonal-shift", **start)
        assert told.error is None, f"{told.error}: {told.message}"
        for place in places:
            seen = place.call(ZONAL, "get-managed-resource", **resource).body
            equal((seen["appliedWeights"]["euw2-az1"], seen["zonalShifts"][0]["appliedStatus"]), (0.0, "APPLIED"))
        ended = places[4].call(ZONAL, "cancel-zonal-shift", zonalShiftId=told.body["zonalShiftId"])
        assert ended.error is None, f"{ended.error}: {ended.message}"

    sheet.step("a shift begun at one endpoint is APPLIED at all five, canceled at another", shift)

    def pages():
        first, after = places[0].page(CLUSTER, "list-routing-controls", "RoutingControls", 1)
        for place in places[1:]:
            rest, end = place.page(CLUSTER, "list-routing-controls", "RoutingControls", 1, after)
            equal((len(first), len(rest), end), (1, 1, None))

    sheet.step("list-routing-controls: a token of one endpoint at the four others", pages)
    return found


def entries(arns, **to):
    made = [{"RoutingControlArn": arns[name.replace("_", "-")], "RoutingControlState": state} for name, state in to.items()]
    return {"UpdateRoutingControlStateEntries": made}


def rules_hold_everywhere(sheet, places, arns):
    def act():
        on = places[2].call(CLUSTER, "update-routing-control-states", **entries(arns, eu_west_2="On", us_east_1="On"))
        assert on.error is None, f"{on.error}: {on.message}"
        for place in places:
            told = place.call(CLUSTER, "update-routing-control-states", **entries(arns, eu_west_2="Off", us_east_1="Off"))
            equal((told.error, told.status, told.members["resourceType"]), ("ConflictException", 409, "SafetyRule"))
        for place in places:
            equal(states(place), {"eu-west-2": "On", "us-east-1": "On"})

    sheet.step("a batch that breaks a rule changes nothing on any node", act)

    def override():
        rule = places[0].call(CLUSTER, "update-routing-control-states", **entries(arns, eu_west_2="Off", us_east_1="Off"))
        named = {"SafetyRulesToOverride": [rule.members["resourceId"]]}
        told = places[3].call(
            CLUSTER, "update-routing-control-states", **entries(arns, eu_west_2="Off", us_east_1="Off"), **named
        )
        # The rule is passed over; the floor of the pools is not, and says so.
        equal((told.error, told.members["resourceType"]), ("ConflictException", "ManagedResource"))

    sheet.step("an override passes the rule and not the floor", override)


def from_a_shell(sheet, cli, endpoints, arns):
    for at, endpoint in enumerate(endpoints):
        by = cli.of(endpoint=endpoint)
        on = lambda body: equal(body["RoutingControlState"], "On")
        sheet.done(CLUSTER, "get-routing-control-state", on, f"at endpoint {at}", by=by, RoutingControlArn=arns["us-east-1"])


def two_dead(sheet, world, places, arns):
    for name in ("place0", "place1", "etcd0", "etcd1"):
        sheet.step(f"kill -9 {name}", lambda name=name: world.kill(name))
    for at in (2, 3, 4):

        def act(place=places[at], to="Off" if at % 2 == 0 else "On"):
            def turned():
                told = place.call(
                    CLUSTER, "update-routing-control-state", RoutingControlArn=arns["us-east-1"], RoutingControlState=to
                )
                assert told.error is None, f"{told.error}: {told.message}"
                return True

            wait_for("the majority to take a change", turned, 15)
            equal(states(place)["us-east-1"], to)

        sheet.step(f"with two of five places dead endpoint {at} takes a change", act)

    def dead():
        told = places[0].call(CLUSTER, "list-routing-controls")
        equal(told.error, "EndpointConnectionError")

    sheet.step("a dead endpoint is told as EndpointConnectionError", dead)


def minority(table, sheet, world, places, clis, arns):
    sheet.step("freeze etcd2: two of five members are left", lambda: world.freeze("etcd2"))
    change = {"RoutingControlArn": arns["us-east-1"], "RoutingControlState": "On"}

    def unavailable(driver, operation, **members):
        told = driver.call(CLUSTER, operation, **members)
        equal((told.error, told.tries), (UNAVAILABLE, 1))
        equal(told.status in (None, 400), True)
        equal(told.exit in (None, getattr(driver, "refused", None)), True)
        assert told.seconds < 9, f"it took {told.seconds:.1f} s"

    for at in (3, 4):
        by = places[at]
        sheet.step(f"get at endpoint {at} -> {UNAVAILABLE} in one try", lambda: unavailable(by, "get-routing-control-state", RoutingControlArn=arns["us-east-1"]))
        sheet.step(f"update at endpoint {at} -> {UNAVAILABLE} in one try", lambda: unavailable(by, "update-routing-control-state", **change))
    for cli in clis:
        by = cli.of(endpoint=places[3].endpoint)
        Sheet(table, cli).step(
            f"update at a minority's endpoint -> {UNAVAILABLE} in one try",
            lambda by=by: unavailable(by, "update-routing-control-state", **change),
        )
    # A wrong key is told as such before the quorum matters.
    wrong = places[3].of(key=Key(places[3].key.id, "wrong"))
    sheet.step(
        "a wrong secret there -> InvalidSignatureException",
        lambda: equal(wrong.call(CLUSTER, "list-routing-controls").error, "InvalidSignatureException"),
    )
    sheet.step("let etcd2 go on", lambda: world.freeze("etcd2", False))

    def back():
        told = places[4].call(CLUSTER, "update-routing-control-state", **change)
        assert told.error is None, f"{told.error}: {told.message}"
        return states(places[3])["us-east-1"] == "On"

    sheet.step("with the majority back endpoints 3 and 4 take and tell changes", lambda: wait_for("it", back, 20))
