"""arc-zonal-shift, every call: shifts, managed resources, practice runs."""

import datetime
import time

from clients import ZONAL, instant
from table import Sheet
from world import wait_for

ARN = "arn:holdfast:estate::000000000000:"
ALARM = [{"type": "CLOUDWATCH", "alarmIdentifier": "arn:aws:cloudwatch:eu-west-2:000000000000:alarm:errors"}]


def near(value, wanted, within=30):
    assert abs(instant(value) - wanted) < within, f"{value} is not about {wanted}"


def equal(found, wanted):
    assert found == wanted, f"{found!r}, wanted {wanted!r}"


def weights(sheet, resource, wanted, applied=(), title=""):
    """How a resource stands: weights by zone, and shifts with their status."""

    def check(body):
        equal(body["appliedWeights"], wanted)
        found = [(shift["zonalShiftId"], shift["appliedStatus"]) for shift in body["zonalShifts"]]
        equal(found, list(applied))

    short = resource.rsplit(":", 1)[-1]
    return sheet.done(ZONAL, "get-managed-resource", check, f"{short} {title}".strip(), resourceIdentifier=resource)


def begin(sheet, title, length):
    return sheet.done(
        ZONAL,
        "start-zonal-shift",
        title=title,
        http=201,
        resourceIdentifier=ARN + "pool/batch-us",
        awayFrom="use1-az2",
        expiresIn=length,
        comment="ends by itself",
    )


def see_it_end(sheet, short):
    def ended():
        left = instant(short["expiryTime"]) - time.time()
        time.sleep(max(0, left))
        wait_for("the shift to end", lambda: listed("EXPIRED"), 15)

    def listed(status):
        told = sheet.driver.call(ZONAL, "list-zonal-shifts", status=status)
        return any(item["zonalShiftId"] == short["zonalShiftId"] for item in told.body.get("items", []))

    sheet.step("the shift of 1m has EXPIRED", ended)
    weights(sheet, ARN + "pool/batch-us", {"use1-az1": 1.0, "use1-az2": 1.0}, title="after the end")
    sheet.refused(
        ZONAL,
        "update-zonal-shift",
        "ConflictException",
        409,
        "expired",
        reason="ZonalShiftStatusNotActive",
        zonalShiftId=short["zonalShiftId"],
        comment="too late",
    )


def run(table, driver, reader):
    """Gives a shift of one minute, for `see_it_end` at the end of everything."""
    sheet = Sheet(table, driver)
    standing = begin(sheet, "that stands", "20m")
    resources(sheet)
    shifts(sheet, reader)
    lists(sheet)
    sheet.done(ZONAL, "cancel-zonal-shift", title="that stood", zonalShiftId=standing.get("zonalShiftId", "none"))
    short = begin(sheet, "of 1m", "1m")
    if driver.has_practice:
        practice(sheet)
    return short


def resources(sheet):
    pools, rest = ["pool/batch-eu", "pool/batch-us", "pool/full-house", "pool/web"], ["record/www.example.test."]
    names = pools + rest + ["region/eu-west-2", "region/us-east-1"]

    def all_there(body):
        equal([item["name"] for item in body["items"]], names)
        equal(body["items"][0]["availabilityZones"], ["euw2-az1", "euw2-az2"])
        equal(body["items"][0]["arn"], ARN + "pool/batch-eu")

    sheet.done(ZONAL, "list-managed-resources", all_there)

    def pages():
        first, token = sheet.driver.page(ZONAL, "list-managed-resources", "items", 3)
        equal([item["name"] for item in first], names[:3])
        for _ in range(2):
            rest, after = sheet.driver.page(ZONAL, "list-managed-resources", "items", 3, token)
            equal([item["name"] for item in rest], names[3:6])
        last, end = sheet.driver.page(ZONAL, "list-managed-resources", "items", 3, after)
        equal(([item["name"] for item in last], end), (names[6:], None))

    sheet.step("list-managed-resources --max-items 3, a token shown twice", pages)
    every = {"euw2-az1": 1.0, "euw2-az2": 1.0, "euw2-az3": 1.0, "use1-az1": 1.0, "use1-az2": 1.0}
    weights(sheet, ARN + "pool/web", every)
    weights(sheet, "pool/web", every, title="by its short form")
    weights(sheet, ARN + "record/www.example.test.", every)
    weights(sheet, ARN + "region/us-east-1", {"use1-az1": 1.0, "use1-az2": 1.0})
    call = "get-managed-resource"
    sheet.once(ZONAL, call, "ResourceNotFoundException", 404, "unknown", resourceIdentifier=ARN + "pool/none")
    sheet.once(
        ZONAL,
        call,
        "ValidationException",
        400,
        "of AWS",
        reason="InvalidResourceIdentifier",
        resourceIdentifier="arn:aws:elasticloadbalancing:eu-west-2:1:loadbalancer/app/foo/5016",
    )


def shifts(sheet, reader):
    web = ARN + "pool/web"
    start = {"resourceIdentifier": web, "awayFrom": "euw2-az1", "expiresIn": "20m", "comment": "drill"}
    operation = "start-zonal-shift"

    def begun(body):
        equal((body["resourceIdentifier"], body["awayFrom"]), (web, "euw2-az1"))
        equal((body["status"], body["comment"]), ("ACTIVE", "drill"))
        near(body["startTime"], time.time())
        near(body["expiryTime"], instant(body["startTime"]) + 1_200, 1)

    def invalid(title, reason, **other):
        sheet.once(ZONAL, operation, "ValidationException", 400, title, reason=reason, **{**start, **other})

    days = {**start, "expiresIn": "5 days please"}
    sheet.refused(ZONAL, operation, "ValidationException", 400, "5 days please", reason="InvalidExpiresIn", **days)
    invalid("73h", "InvalidExpiresIn", expiresIn="73h")
    invalid("of an unknown zone", "InvalidAz", awayFrom="mars-az1")
    invalid("of a zone elsewhere", "UnsupportedAz", resourceIdentifier=ARN + "region/us-east-1")
    invalid("with 200 characters of comment", "MissingValue", comment="c" * 200)
    unknown = {**start, "resourceIdentifier": ARN + "pool/none"}
    sheet.once(ZONAL, operation, "ResourceNotFoundException", 404, "unknown", **unknown)
    sheet.refused(ZONAL, operation, "AccessDeniedException", 403, "by a reader", ["operate"], by=reader, **start)
    body = sheet.done(ZONAL, operation, begun, http=201, **start)
    found = body.get("zonalShiftId", "none")
    exists = {"zonalShiftId": found}
    sheet.refused(ZONAL, operation, "ConflictException", 409, "again", [found], exists, "ZonalShiftAlreadyExists", **start)
    beside = {**start, "awayFrom": "euw2-az2"}
    sheet.refused(
        ZONAL, operation, "ConflictException", 409, "beside", [found], exists, "SimultaneousZonalShiftsConflict", **beside
    )
    gone = {"euw2-az1": 0.0, "euw2-az2": 1.0, "euw2-az3": 1.0, "use1-az1": 1.0, "use1-az2": 1.0}
    weights(sheet, web, gone, [(found, "APPLIED")], "shifted")
    weights(sheet, ARN + "record/www.example.test.", gone, [(found, "APPLIED")], "shifted")

    def extended(body):
        near(body["expiryTime"], time.time() + 7_200)
        equal((body["comment"], body["zonalShiftId"]), ("longer", found))

    update = "update-zonal-shift"
    sheet.done(ZONAL, update, extended, zonalShiftId=found, expiresIn="2h", comment="longer")
    sheet.done(ZONAL, update, lambda body: equal(body["comment"], "why"), "comment", zonalShiftId=found, comment="why")
    sheet.once(
        ZONAL, update, "ValidationException", 400, "10d", reason="InvalidExpiresIn", zonalShiftId=found, expiresIn="10d"
    )
    sheet.once(
        ZONAL, update, "ResourceNotFoundException", 404, "unknown", zonalShiftId="shift-999999", comment="which?"
    )
    cancel = "cancel-zonal-shift"
    sheet.refused(ZONAL, cancel, "AccessDeniedException", 403, "by a reader", by=reader, zonalShiftId=found)
    sheet.done(ZONAL, cancel, lambda body: equal(body["status"], "CANCELED"), zonalShiftId=found)
    ended = "ZonalShiftStatusNotActive"
    for operation_again, members in [(cancel, {}), (update, {"expiresIn": "1h"})]:
        sheet.refused(
            ZONAL, operation_again, "ConflictException", 409, "ended", [found], exists, ended, zonalShiftId=found, **members
        )
    sheet.once(ZONAL, cancel, "ResourceNotFoundException", 404, "unknown", zonalShiftId="shift-999999")
    region_shift(sheet)


def region_shift(sheet):
    """Everything in one zone of a region, by an alias, without a comment; and what the floor keeps."""
    region = {"resourceIdentifier": ARN + "region/eu-west-2", "expiresIn": "20m", "comment": ""}

    def begun(body):
        equal((body["awayFrom"], body["resourceIdentifier"]), ("euw2-az3", ARN + "region/eu-west-2"))
        equal(body["comment"], "(no comment)")

    body = sheet.done(
        ZONAL, "start-zonal-shift", begun, "of a region, empty comment", http=201, awayFrom="euw2-az3", **region
    )
    found = body.get("zonalShiftId", "none")
    every = {"euw2-az1": 1.0, "euw2-az2": 1.0, "euw2-az3": 0.0}
    weights(sheet, ARN + "region/eu-west-2", every, [(found, "APPLIED")], "shifted")
    sheet.done(ZONAL, "cancel-zonal-shift", title="of the region", zonalShiftId=found)
    alias = {**region, "resourceIdentifier": "pool/web", "awayFrom": "eu-west-2a"}
    body = sheet.done(
        ZONAL, "start-zonal-shift", lambda body: equal(body["awayFrom"], "euw2-az1"), "by an alias", http=201, **alias
    )
    sheet.done(ZONAL, "cancel-zonal-shift", title="by an alias", zonalShiftId=body.get("zonalShiftId", "none"))
    full = {**region, "resourceIdentifier": ARN + "pool/full-house", "awayFrom": "use1-az1"}
    sheet.refused(
        ZONAL,
        "start-zonal-shift",
        "ConflictException",
        409,
        "below the floor",
        ["pool/full-house", "2 zones"],
        reason="SimultaneousZonalShiftsConflict",
        **full,
    )


def lists(sheet):
    """Every filter, and pages whose tokens may be shown again. Before it: one active shift, three canceled ones."""
    operation = "list-zonal-shifts"

    def only(status):
        def check(body):
            found = {item["status"] for item in body["items"]}
            equal(found, {status})
            kinds = {item.get("shiftType", "ZONAL_SHIFT") for item in body["items"]}
            equal(kinds, {"ZONAL_SHIFT"})

        return check

    def some(body):
        equal([item["status"] for item in body["items"]], ["CANCELED", "CANCELED", "CANCELED", "ACTIVE"])
        for item in body["items"]:
            near(item["startTime"], time.time(), 170)

    sheet.done(ZONAL, operation, some)
    sheet.step("instants as this client shows them", lambda: rendered(sheet.driver))
    if not sheet.driver.has_practice:
        # The old client's model has the filter for status only.
        sheet.done(ZONAL, operation, only("CANCELED"), "CANCELED", status="CANCELED")
    else:
        web = ARN + "pool/web"
        sheet.done(ZONAL, operation, only("ACTIVE"), "ACTIVE", status="ACTIVE")
        sheet.done(ZONAL, operation, only("CANCELED"), "CANCELED", status="CANCELED")
        sheet.done(ZONAL, operation, lambda body: equal(len(body["items"]), 2), "of a pool", resourceIdentifier=web)
        none = {"status": "ACTIVE", "resourceIdentifier": web}
        sheet.done(ZONAL, operation, lambda body: equal(body["items"], []), "none", **none)
    sheet.refused(ZONAL, operation, "ValidationException", 400, "GONE", reason="InvalidStatus", status="GONE")

    def pages():
        first, token = sheet.driver.page(ZONAL, operation, "items", 3)
        for _ in range(2):
            rest, end = sheet.driver.page(ZONAL, operation, "items", 3, token)
            equal((len(first), len(rest), end), (3, 1, None))
            equal(rest[0]["status"], "ACTIVE")

    sheet.step("list-zonal-shifts --max-items 3, a token shown twice", pages)


def rendered(driver):
    """boto3 makes them instants, version 1 shows what was sent, version 2 ISO 8601 with a zone."""
    found = driver.call(ZONAL, "list-zonal-shifts").body["items"][0]["expiryTime"]
    if driver.name == "boto3":
        equal(found.tzinfo is not None, True)
    elif driver.version.startswith("1."):
        assert isinstance(found, (int, float)), found
    else:
        equal(datetime.datetime.fromisoformat(found).tzinfo is not None, True)


def practice(sheet):
    web, other = ARN + "pool/web", ARN + "pool/batch-eu"
    create, update, delete = (f"{verb}-practice-run-configuration" for verb in ("create", "update", "delete"))
    autoshift, start = "update-zonal-autoshift-configuration", "start-practice-run"
    run = {"resourceIdentifier": web, "awayFrom": "use1-az1", "comment": "practice"}
    missing = "PracticeConfigurationDoesNotExist"
    on = {"resourceIdentifier": web, "zonalAutoshiftStatus": "ENABLED"}
    sheet.refused(ZONAL, autoshift, "ConflictException", 409, "without configuration", reason=missing, **on)
    sheet.refused(ZONAL, start, "ConflictException", 409, "without configuration", reason=missing, **run)
    sheet.once(
        ZONAL, update, "ResourceNotFoundException", 404, "absent", resourceIdentifier=web, blockedDates=["2031-01-01"]
    )
    sheet.once(ZONAL, delete, "ResourceNotFoundException", 404, "absent", resourceIdentifier=web)
    both = {"blockedWindows": ["Mon:09:00-Mon:17:30"], "allowedWindows": ["Tue:09:00-Tue:17:30"]}
    config = {"resourceIdentifier": web, "outcomeAlarms": ALARM}
    windows = "InvalidPracticeWindows"
    sheet.once(ZONAL, create, "ValidationException", 400, "both windows", reason=windows, **config, **both)
    wrong = {"blockedWindows": ["Mon:09:00-Tue:17:30"]}
    blocker = "InvalidPracticeBlocker"
    sheet.once(ZONAL, create, "ValidationException", 400, "of two days", reason=blocker, **config, **wrong)

    def made(body):
        equal((body["arn"], body["name"], body["zonalAutoshiftStatus"]), (web, "pool/web", "DISABLED"))
        equal(body["practiceRunConfiguration"]["outcomeAlarms"], ALARM)
        equal(body["practiceRunConfiguration"]["blockedDates"], ["2031-12-24"])

    sheet.done(ZONAL, create, made, http=201, **config, blockingAlarms=ALARM, blockedDates=["2031-12-24"])
    there = "PracticeConfigurationAlreadyExists"
    sheet.refused(ZONAL, create, "ConflictException", 409, "again", reason=there, **config)
    day = (datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=3)).strftime("%a")
    window = f"{day}:09:00-{day}:17:30"

    def changed(body):
        found = body["practiceRunConfiguration"]
        equal((found["blockedWindows"], found["blockedDates"], found["outcomeAlarms"]), ([window], [], ALARM))

    sheet.done(ZONAL, update, changed, resourceIdentifier=web, blockedWindows=[window], blockedDates=[])
    sheet.done(ZONAL, autoshift, lambda body: equal(body["zonalAutoshiftStatus"], "ENABLED"), **on)
    sheet.refused(ZONAL, delete, "ConflictException", 409, "enabled", reason="AutoShiftEnabled", resourceIdentifier=web)
    off = {**on, "zonalAutoshiftStatus": "DISABLED"}
    sheet.done(ZONAL, autoshift, lambda body: equal(body["zonalAutoshiftStatus"], "DISABLED"), "off", **off)
    elsewhere = {**run, "awayFrom": "mars-az1"}
    sheet.once(ZONAL, start, "ValidationException", 400, "of an unknown zone", reason="InvalidAz", **elsewhere)

    def begun(body):
        equal((body["status"], body["awayFrom"]), ("ACTIVE", "use1-az1"))
        near(body["expiryTime"], time.time() + 1_800)

    first = sheet.done(ZONAL, start, begun, **run).get("zonalShiftId", "none")
    exists = "ZonalShiftAlreadyExists"
    sheet.refused(ZONAL, start, "ConflictException", 409, "again", [first], reason=exists, **run)
    foreign = "AutoshiftUpdateNotAllowed"
    members = {"zonalShiftId": first, "expiresIn": "2h"}
    sheet.refused(ZONAL, "update-zonal-shift", "ValidationException", 400, "a practice run", reason=foreign, **members)
    sheet.done(
        ZONAL, "cancel-practice-run", lambda body: equal(body["status"], "CANCELED"), zonalShiftId=first
    )
    second = sheet.done(ZONAL, start, begun, "a second time", **run).get("zonalShiftId", "none")
    shift = {**run, "expiresIn": "20m"}
    over = sheet.done(ZONAL, "start-zonal-shift", title="over a practice run", http=201, **shift)
    over = over.get("zonalShiftId", "none")
    sheet.refused(
        ZONAL,
        "cancel-practice-run",
        "ValidationException",
        400,
        "a shift",
        reason="UnsupportedPracticeCancelShiftType",
        zonalShiftId=over,
    )

    def interrupted(body):
        found = {item["zonalShiftId"]: item for item in body["items"]}
        equal(found[over]["shiftType"], "ZONAL_SHIFT")
        for run_id in (first, second):
            equal((found[run_id]["shiftType"], found[run_id]["practiceRunOutcome"]), ("PRACTICE_RUN", "INTERRUPTED"))

    sheet.done(ZONAL, "list-zonal-shifts", interrupted, "with practice runs", resourceIdentifier=web)
    sheet.done(ZONAL, "cancel-zonal-shift", title="over a practice run", zonalShiftId=over)
    sheet.done(ZONAL, delete, lambda body: equal(body["arn"], web), resourceIdentifier=web)
    sheet.done(ZONAL, autoshift, title="off without configuration", **{**off, "resourceIdentifier": other})
    sheet.done(ZONAL, "list-autoshifts", lambda body: equal(body["items"], []))
    sheet.done(ZONAL, "list-autoshifts", lambda body: equal(body["items"], []), "COMPLETED", status="COMPLETED")
    observer = "autoshift-observer-notification-status"
    sheet.done(ZONAL, f"update-{observer}", lambda body: equal(body["status"], "ENABLED"), status="ENABLED")
    sheet.done(ZONAL, f"get-{observer}", lambda body: equal(body["status"], "ENABLED"))
    sheet.done(ZONAL, f"update-{observer}", lambda body: equal(body["status"], "DISABLED"), "off", status="DISABLED")
