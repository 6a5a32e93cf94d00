"""route53-recovery-control-config, every call, and route53-recovery-cluster on what it makes."""

import uuid

from botocore.exceptions import WaiterError

from clients import CLUSTER, CONFIG
from table import Sheet
from zonal import equal

NOWHERE = "arn:aws:route53-recovery-control::000000000000:controlpanel/0123456789abcdef0123456789abcdef"


def run(table, driver, bob):
    sheet = Sheet(table, driver)
    cluster = clusters(sheet)
    panel, controls = panels_and_controls(sheet, cluster)
    rules = safety_rules(sheet, panel, controls)
    tags(sheet, cluster, panel, rules)
    states(sheet, bob, panel, controls, rules)
    estate_objects(sheet, bob)
    away_again(sheet, cluster, panel, controls, rules)


def waited(sheet, waiter, **members):
    def act():
        try:
            told = sheet.driver.wait(CONFIG, waiter, **members)
        except WaiterError as error:
            raise AssertionError(str(error)) from error
        assert told.exit in (None, 0), f"exit {told.exit}: {told.message}"

    sheet.step(f"wait {waiter}", act)


def clusters(sheet):
    token = str(uuid.uuid4())

    def made(body):
        cluster = body["Cluster"]
        equal((cluster["Name"], cluster["Status"]), ("drills", "DEPLOYED"))
        assert cluster["ClusterEndpoints"][0]["Endpoint"].startswith("http://127.0.0.1:"), cluster
        if sheet.driver.has_owner:
            equal(cluster["Owner"], "000000000000")

    create = "create-cluster"
    body = sheet.done(CONFIG, create, made, ClusterName="drills", ClientToken=token)
    arn = body.get("Cluster", {}).get("ClusterArn", "none")
    same = lambda body: equal(body["Cluster"]["ClusterArn"], arn)
    sheet.done(CONFIG, create, same, "with the same ClientToken", ClusterName="drills", ClientToken=token)
    sheet.refused(
        CONFIG, create, "ConflictException", 409, "ClientToken, other input", ["ClientToken"], ClusterName="x", ClientToken=token
    )
    sheet.once(CONFIG, create, "ConflictException", 409, "name taken", ["drills"], ClusterName="drills")
    sheet.once(CONFIG, create, "ValidationException", 400, "of two words", ClusterName="two words")
    waited(sheet, "cluster-created", ClusterArn=arn)
    sheet.done(CONFIG, "describe-cluster", same, ClusterArn=arn)
    sheet.done(CONFIG, "list-clusters", lambda body: equal({c["Name"] for c in body["Clusters"]}, {"drills", "holdfast"}))

    def pages():
        first, after = sheet.driver.page(CONFIG, "list-clusters", "Clusters", 1)
        for _ in range(2):
            rest, end = sheet.driver.page(CONFIG, "list-clusters", "Clusters", 1, after)
            equal({first[0]["Name"], rest[0]["Name"]}, {"drills", "holdfast"})
            equal(end, None)

    sheet.step("list-clusters --max-items 1, a token shown twice", pages)
    if sheet.driver.has_owner:
        kept = lambda body: equal(body["Cluster"]["NetworkType"], "DUALSTACK")
        sheet.done(CONFIG, "update-cluster", kept, ClusterArn=arn, NetworkType="DUALSTACK")
    sheet.once(CONFIG, "describe-cluster", "ResourceNotFoundException", 404, "unknown", ClusterArn=arn[:-6] + "000000")
    return arn


def panels_and_controls(sheet, cluster):
    create = "create-control-panel"
    body = sheet.done(CONFIG, create, ClusterArn=cluster, ControlPanelName="cells")
    panel = body.get("ControlPanel", {}).get("ControlPanelArn", NOWHERE)
    waited(sheet, "control-panel-created", ControlPanelArn=panel)
    renamed = lambda body: equal(body["ControlPanel"]["Name"], "our-cells")
    sheet.done(CONFIG, "update-control-panel", renamed, ControlPanelArn=panel, ControlPanelName="our-cells")
    sheet.once(CONFIG, create, "ConflictException", 409, "name taken", ClusterArn=cluster, ControlPanelName="our-cells")

    def two(body):
        found = {item["Name"]: item["DefaultControlPanel"] for item in body["ControlPanels"]}
        equal((len(found), found["our-cells"]), (2, False))

    sheet.done(CONFIG, "list-control-panels", two, ClusterArn=cluster)
    create = "create-routing-control"
    controls = []
    for name in ("a", "b", "c"):
        made = {"ClusterArn": cluster, "ControlPanelArn": panel, "RoutingControlName": name}
        body = sheet.done(CONFIG, create, title=name, **made)
        controls.append(body.get("RoutingControl", {}).get("RoutingControlArn", NOWHERE))
    waited(sheet, "routing-control-created", RoutingControlArn=controls[2])
    sheet.once(CONFIG, create, "ConflictException", 409, "name taken", **made)
    sheet.once(
        CONFIG,
        create,
        "ResourceNotFoundException",
        404,
        "unknown panel",
        ClusterArn=cluster,
        ControlPanelArn=NOWHERE,
        RoutingControlName="d",
    )
    default = sheet.done(CONFIG, create, title="in the default panel", ClusterArn=cluster, RoutingControlName="lone")
    lone = default.get("RoutingControl", {}).get("RoutingControlArn", NOWHERE)
    sheet.done(CONFIG, "delete-routing-control", title="in the default panel", RoutingControlArn=lone)
    body = sheet.done(CONFIG, "update-routing-control", RoutingControlArn=controls[2], RoutingControlName="c2")
    named = lambda body: equal(body["RoutingControl"]["Name"], "c2")
    sheet.done(CONFIG, "describe-routing-control", named, RoutingControlArn=controls[2])
    counted = lambda body: equal(body["ControlPanel"]["RoutingControlCount"], 3)
    sheet.done(CONFIG, "describe-control-panel", counted, ControlPanelArn=panel)

    def pages():
        first, after = sheet.driver.page(CONFIG, "list-routing-controls", "RoutingControls", 2, ControlPanelArn=panel)
        for _ in range(2):
            rest, end = sheet.driver.page(
                CONFIG, "list-routing-controls", "RoutingControls", 2, after, ControlPanelArn=panel
            )
            equal(({c["RoutingControlArn"] for c in first + rest}, end), (set(controls), None))

    sheet.step("list-routing-controls --max-items 2, a token shown twice", pages)
    return panel, controls


def safety_rules(sheet, panel, controls):
    create = "create-safety-rule"
    keep = {
        "AssertedControls": controls,
        "ControlPanelArn": panel,
        "Name": "keep-two",
        "RuleConfig": {"Inverted": False, "Threshold": 2, "Type": "ATLEAST"},
        "WaitPeriodMs": 0,
    }
    gate = {
        "ControlPanelArn": panel,
        "GatingControls": controls[2:],
        "TargetControls": controls[:1],
        "Name": "gate",
        "RuleConfig": {"Inverted": False, "Threshold": 1, "Type": "OR"},
        "WaitPeriodMs": 5_000,
    }
    token = str(uuid.uuid4())

    def shown(body):
        rule = body["AssertionRule"]
        equal((rule["Name"], rule["Status"], rule["RuleConfig"]["Threshold"]), ("keep-two", "DEPLOYED", 2))
        equal(set(rule["AssertedControls"]), set(controls))

    body = sheet.done(CONFIG, create, shown, "ATLEAST 2", AssertionRule=keep, ClientToken=token)
    keep_arn = body.get("AssertionRule", {}).get("SafetyRuleArn", NOWHERE)
    same = lambda body: equal(body["AssertionRule"]["SafetyRuleArn"], keep_arn)
    sheet.done(CONFIG, create, same, "with the same ClientToken", AssertionRule=keep, ClientToken=token)
    body = sheet.done(CONFIG, create, title="gating", GatingRule=gate)
    gate_arn = body.get("GatingRule", {}).get("SafetyRuleArn", NOWHERE)
    both = {"AssertionRule": {**keep, "Name": "x"}, "GatingRule": {**gate, "Name": "x"}}
    sheet.once(CONFIG, create, "ValidationException", 400, "of both kinds", **both)
    many = {**keep, "Name": "many", "RuleConfig": {"Inverted": False, "Threshold": 4, "Type": "ATLEAST"}}
    sheet.once(CONFIG, create, "ValidationException", 400, "4 of 3", AssertionRule=many)

    def listed(body):
        kinds = {kind: rule["Name"] for item in body["SafetyRules"] for kind, rule in item.items()}
        equal(kinds, {"ASSERTION": "keep-two", "GATING": "gate"})

    sheet.done(CONFIG, "list-safety-rules", listed, ControlPanelArn=panel)

    def pages():
        first, after = sheet.driver.page(CONFIG, "list-safety-rules", "SafetyRules", 1, ControlPanelArn=panel)
        rest, end = sheet.driver.page(CONFIG, "list-safety-rules", "SafetyRules", 1, after, ControlPanelArn=panel)
        equal((len(first + rest), first == rest, end), (2, False, None))

    sheet.step("list-safety-rules --max-items 1", pages)
    sheet.done(CONFIG, "describe-safety-rule", same, SafetyRuleArn=keep_arn)
    change = {"Name": "the-gate", "SafetyRuleArn": gate_arn, "WaitPeriodMs": 0}
    changed = lambda body: equal((body["GatingRule"]["Name"], body["GatingRule"]["WaitPeriodMs"]), ("the-gate", 0))
    sheet.done(CONFIG, "update-safety-rule", changed, "gating", GatingRuleUpdate=change)
    sheet.once(CONFIG, "update-safety-rule", "ValidationException", 400, "of the other kind", AssertionRuleUpdate=change)
    sheet.once(
        CONFIG, "describe-safety-rule", "ResourceNotFoundException", 404, "unknown", SafetyRuleArn=keep_arn[:-4] + "0000"
    )
    return {"keep": keep_arn, "gate": gate_arn}


def tags(sheet, cluster, panel, rules):
    for what, arn in [("cluster", cluster), ("rule", rules["keep"])]:
        both = {"team": "web", "tier": "one"}
        sheet.done(CONFIG, "tag-resource", title=f"a {what}", ResourceArn=arn, Tags=both)
        shown = lambda body: equal(body["Tags"], both)
        sheet.done(CONFIG, "list-tags-for-resource", shown, f"of a {what}", ResourceArn=arn)
        sheet.done(CONFIG, "untag-resource", title=f"a {what}", ResourceArn=arn, TagKeys=["team", "none"])
        left = lambda body: equal(body["Tags"], {"tier": "one"})
        sheet.done(CONFIG, "list-tags-for-resource", left, f"of a {what} again", ResourceArn=arn)
    sheet.once(CONFIG, "tag-resource", "ResourceNotFoundException", 404, "unknown", ResourceArn=NOWHERE, Tags={"a": "b"})
    sheet.once(
        CONFIG, "tag-resource", "ValidationException", 400, "with white space", ResourceArn=panel, Tags={"a": "b c"}
    )


def states(sheet, bob, panel, controls, rules):
    """The data plane's service: one change, batches, rules before and after."""
    get, one, batch = "get-routing-control-state", "update-routing-control-state", "update-routing-control-states"

    def entries(**to):
        arns = dict(zip("abc", controls))
        made = [{"RoutingControlArn": arns[name], "RoutingControlState": state} for name, state in to.items()]
        return {"UpdateRoutingControlStateEntries": made}

    def stand(title, *wanted):
        def check(body):
            found = {c["RoutingControlArn"]: c["RoutingControlState"] for c in body["RoutingControls"]}
            equal([found[arn] for arn in controls], list(wanted))
            if sheet.driver.has_owner:
                equal(body["RoutingControls"][0]["Owner"], "000000000000")

        sheet.done(CLUSTER, "list-routing-controls", check, title, ControlPanelArn=panel)

    def is_off(body):
        equal((body["RoutingControlState"], body["RoutingControlName"]), ("Off", "a"))

    def conflict(rule):
        return {"resourceId": rules[rule], "resourceType": "SafetyRule"}

    sheet.done(CLUSTER, get, is_off, "of a new control", RoutingControlArn=controls[0])
    a_on = {"RoutingControlArn": controls[0], "RoutingControlState": "On"}
    words = ["the-gate", rules["gate"], "0 are"]
    through = entries(a="On", b="On")
    sheet.refused(CLUSTER, batch, "ConflictException", 409, "closed gate", words, conflict("gate"), **through)
    opened = entries(a="On", b="On", c="On")
    sheet.refused(CLUSTER, batch, "ConflictException", 409, "opened in the same batch", words, conflict("gate"), **opened)
    c_on = {**a_on, "RoutingControlArn": controls[2]}
    sheet.refused(
        CLUSTER, one, "ConflictException", 409, "broken rule", ["keep-two", "at least 2", "leaves 1"], conflict("keep"), **c_on
    )
    sheet.done(CLUSTER, batch, title="b and c On", **entries(b="On", c="On"))
    sheet.done(CLUSTER, one, title="a On", **a_on)
    sheet.done(CLUSTER, one, title="a On again", **a_on)
    stand("all On", "On", "On", "On")
    sheet.refused(
        CLUSTER, batch, "ConflictException", 409, "two Off", ["keep-two", rules["keep"]], conflict("keep"), **entries(b="Off", c="Off")
    )
    stand("after the refused batch", "On", "On", "On")
    over = {"SafetyRulesToOverride": [rules["keep"]]}
    sheet.refused(
        CLUSTER, batch, "AccessDeniedException", 403, "override by an operator", by=bob, **entries(b="Off", c="Off"), **over
    )
    sheet.done(CLUSTER, batch, title="two Off, overridden", **entries(b="Off", c="Off"), **over)
    stand("after the override", "On", "Off", "Off")
    sheet.done(CLUSTER, batch, title="by an operator", by=bob, **entries(b="On", c="On"))
    elsewhere = {**a_on, "RoutingControlArn": controls[0].replace(panel, NOWHERE)}
    unknown = {"resourceId": elsewhere["RoutingControlArn"], "resourceType": "RoutingControl"}
    sheet.once(CLUSTER, one, "ResourceNotFoundException", 404, "of another panel", has=unknown, **elsewhere)
    failed = "fieldValidationFailed"
    lower = {**a_on, "RoutingControlState": "on"}
    sheet.refused(CLUSTER, one, "ValidationException", 400, "on", ["neither On nor Off"], reason=failed, **lower)
    twice = {"UpdateRoutingControlStateEntries": [a_on, a_on]}
    sheet.once(CLUSTER, batch, "ValidationException", 400, "one control twice", reason=failed, **twice)
    large = {"UpdateRoutingControlStateEntries": [a_on] * 101}
    limit = {"limitCode": "entries-per-batch", "serviceCode": CLUSTER}
    sheet.once(CLUSTER, batch, "ServiceLimitExceededException", 402, "of 101", ["101"], limit, **large)
    stand("at the end", "On", "On", "On")

    def pages():
        first, after = sheet.driver.page(CLUSTER, "list-routing-controls", "RoutingControls", 2)
        for _ in range(2):
            rest, end = sheet.driver.page(CLUSTER, "list-routing-controls", "RoutingControls", 3, after)
            equal((len(first), len(rest), end), (2, 3, None))

    sheet.step("list-routing-controls --max-items 2 of all, a token shown twice", pages)
    sheet.once(CLUSTER, "list-routing-controls", "ValidationException", 400, "token of nothing", NextToken="garbage")


def estate_objects(sheet, bob):
    """What the estate declares is turned here and changed there."""
    found = sheet.done(CLUSTER, "list-routing-controls", title="of the estate").get("RoutingControls", [])
    arns = {c["RoutingControlName"]: c["RoutingControlArn"] for c in found}
    eu, us = arns.get("eu-west-2", NOWHERE), arns.get("us-east-1", NOWHERE)
    checks = lambda body: equal(body["HealthCheckIds"], ["eu"])
    sheet.done(CONFIG, "list-associated-route53-health-checks", checks, RoutingControlArn=eu)
    if sheet.driver.has_owner:
        sheet.refused(CONFIG, "get-resource-policy", "ResourceNotFoundException", 404, ResourceArn=eu)
    declared = ["declared in the estate"]
    sheet.refused(
        CONFIG, "update-routing-control", "ConflictException", 409, "of the estate", declared, RoutingControlArn=eu, RoutingControlName="x"
    )
    sheet.refused(CONFIG, "delete-routing-control", "ConflictException", 409, "of the estate", declared, RoutingControlArn=eu)
    denied = {"ClusterName": "bobs"}
    sheet.refused(CONFIG, "create-cluster", "AccessDeniedException", 403, "by an operator", ["administer"], by=bob, **denied)
    off = lambda arn: {"RoutingControlArn": arn, "RoutingControlState": "Off"}
    both = {"UpdateRoutingControlStateEntries": [off(eu), off(us)]}
    sheet.refused(CLUSTER, "update-routing-control-states", "ConflictException", 409, "both regions", ["keep-one"], **both)


def away_again(sheet, cluster, panel, controls, rules):
    """Parents last; what is gone is gone."""
    sheet.refused(CONFIG, "delete-control-panel", "ConflictException", 409, "not empty", ControlPanelArn=panel)
    sheet.once(CONFIG, "delete-routing-control", "ConflictException", 409, "in a rule", RoutingControlArn=controls[0])
    sheet.refused(CONFIG, "delete-cluster", "ConflictException", 409, "not empty", ClusterArn=cluster)
    for name, arn in rules.items():
        sheet.done(CONFIG, "delete-safety-rule", title=name, SafetyRuleArn=arn)
    for name, arn in zip("abc", controls):
        sheet.done(CONFIG, "delete-routing-control", title=name, RoutingControlArn=arn)
    waited(sheet, "routing-control-deleted", RoutingControlArn=controls[0])
    sheet.done(CONFIG, "delete-control-panel", ControlPanelArn=panel)
    waited(sheet, "control-panel-deleted", ControlPanelArn=panel)
    sheet.done(CONFIG, "delete-cluster", ClusterArn=cluster)
    waited(sheet, "cluster-deleted", ClusterArn=cluster)
    sheet.refused(CONFIG, "delete-cluster", "ResourceNotFoundException", 404, "gone", ClusterArn=cluster)
