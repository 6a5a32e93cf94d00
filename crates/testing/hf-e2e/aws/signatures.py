"""Signature Version 4: what is refused, by the stock clients and by requests that are signed with botocore and then spoiled."""

import datetime
import json
import urllib.error
import urllib.request

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from clients import REGION, ZONAL, Key
from table import Sheet
from zonal import equal

RESOURCE = "arn%3Aholdfast%3Aestate%3A%3A000000000000%3Apool%2Fweb"


def by_client(table, driver):
    """Credentials as they go wrong in a shell."""
    sheet = Sheet(table, driver)
    key = driver.key
    wrong = driver.of(key=Key(key.id, "not-the-secret"))
    sheet.refused(ZONAL, "list-zonal-shifts", "InvalidSignatureException", 403, "wrong secret", ["AWS_SECRET_ACCESS_KEY"], by=wrong)
    stranger = driver.of(key=Key("AKIAIOSFODNN7EXAMPLE", "of-an-aws-account"))
    sheet.refused(
        ZONAL, "list-zonal-shifts", "UnrecognizedClientException", 403, "key of an AWS account", ["AKIAIOSFODNN7EXAMPLE"], by=stranger
    )
    session = driver.of(key=Key(key.id, key.secret, "left/over+in=the/shell=="))
    sheet.done(ZONAL, "list-zonal-shifts", title="with a session token of the shell", by=session)
    path = "arn:holdfast:estate::000000000000:record/www.example.test."
    sheet.done(ZONAL, "get-managed-resource", title="an ARN in the path", resourceIdentifier=path)


def unsigned(table, cli):
    sheet = Sheet(table, cli)

    def act():
        told = cli.run(ZONAL, "list-zonal-shifts", "--no-sign-request")
        equal((told.error, told.exit), ("MissingAuthenticationTokenException", cli.refused))

    sheet.step("list-zonal-shifts --no-sign-request -> MissingAuthenticationTokenException", act)


def spoiled(table, driver):
    """One good request, and each way to spoil it."""
    sheet = Sheet(table, driver)
    body = json.dumps({"resourceIdentifier": "pool/web", "zonalAutoshiftStatus": "DISABLED"}).encode()

    def send(title, error, http, seconds=0, spoil=lambda request: None, method="PUT", url=None, data=body, service=ZONAL):
        def act():
            request = signed(driver, method, url or f"/managedresources/{RESOURCE}", data, service, seconds)
            spoil(request)
            found = answer(driver.endpoint, request)
            equal(found, (http, error))

        sheet.step(f"{title} -> {error or 'done'}", act)

    minute = 60
    send("a good request", None, 200)
    send("signed 4 minutes ago", None, 200, -4 * minute)
    send("signed 10 minutes ago", "InvalidSignatureException", 403, -10 * minute)
    send("signed 10 minutes ahead", "InvalidSignatureException", 403, 10 * minute)
    send("a tampered body", "InvalidSignatureException", 403, spoil=other_body)
    send("a tampered path", "InvalidSignatureException", 403, spoil=lambda r: r.update(url=r["url"].replace("web", "batch-eu")))
    send("a tampered query", "InvalidSignatureException", 403, spoil=lambda r: r.update(url=r["url"] + "?status=ACTIVE"))
    send("for another service", "InvalidSignatureException", 403, service="route53-recovery-control-config")
    send("for a service that is not spoken", "UnknownOperationException", 404, service="s3")
    send("a path whose slashes are not encoded", "UnknownOperationException", 404, url="/managedresources/arn:a:b:pool/web")
    send("no signature", "MissingAuthenticationTokenException", 403, spoil=lambda r: r["headers"].pop("Authorization"))
    send("half a signature", "IncompleteSignatureException", 400, spoil=half)
    send("a date changed after signing", "InvalidSignatureException", 403, spoil=later)
    send("a header of AWS that is not signed", "IncompleteSignatureException", 400, spoil=more)
    send("300 KiB", "RequestEntityTooLargeException", 413, data=b" " * 300 * 1024)
    send("no JSON", "ValidationException", 400, data=b"{")


def other_body(request):
    request["data"] = request["data"].replace(b"DISABLED", b"ENABLED ")


def half(request):
    request["headers"]["Authorization"] = request["headers"]["Authorization"].split(", Signature")[0]


def later(request):
    stamp = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=7)
    request["headers"]["X-Amz-Date"] = stamp.strftime("%Y%m%dT%H%M%SZ")


def more(request):
    request["headers"]["X-Amz-Security-Token"] = "slipped in"


def signed(driver, method, path, body, service, seconds):
    """As botocore signs, with its clock so many seconds off."""
    request = AWSRequest(method, driver.endpoint + path, {"Content-Type": "application/json"}, body)
    stamp = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=seconds)
    request.context["timestamp"] = stamp.strftime("%Y%m%dT%H%M%SZ")
    auth = SigV4Auth(Credentials(driver.key.id, driver.key.secret), service, REGION)
    auth._modify_request_before_signing(request)
    text = auth.string_to_sign(request, auth.canonical_request(request))
    auth._inject_signature_to_request(request, auth.signature(text, request))
    return {"method": method, "url": driver.endpoint + path, "headers": dict(request.headers.items()), "data": body}


def answer(_, request):
    sent = urllib.request.Request(request["url"], request["data"], request["headers"], method=request["method"])
    try:
        with urllib.request.urlopen(sent, timeout=10) as answer:
            return answer.status, None
    except urllib.error.HTTPError as error:
        return error.code, error.headers["x-amzn-errortype"]
