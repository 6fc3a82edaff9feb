"""Clients that others wrote, at a running demo: what connects here connects without special treatment.

    python smart_clients.py SANDBOX

SANDBOX is the directory of `mylife demo --dir SANDBOX`. Authlib (OAuth 2 and OpenID Connect) asks as a
system by a signed assertion and as an app with PKCE, verifies the ID token, gets a new token, introspects
and ends one. fhirclient (the SMART App Launch client of its makers) finds its way from the
CapabilityStatement, launches, and reads what the person ticked as typed FHIR resources. Whoever sits at
the browser is a session that fills in the pages' forms. The first thing that is not as it must be ends
the run.
"""

import html
import json
import os
import re
import sys
import time
from pathlib import Path
from urllib.parse import parse_qs, urljoin, urlsplit

SANDBOX = Path(sys.argv[1])
CA = str(SANDBOX / "ca.pem")
# Both libraries ask by `requests`.
os.environ["REQUESTS_CA_BUNDLE"] = CA

import requests  # noqa: E402
from authlib.common.security import generate_token  # noqa: E402
from authlib.integrations.requests_client import OAuth2Session  # noqa: E402
from authlib.oauth2.rfc7523 import PrivateKeyJWT  # noqa: E402
from fhirclient import client as fhir  # noqa: E402
from fhirclient.models import observation, patient, questionnaireresponse  # noqa: E402
from joserfc import jwt  # noqa: E402
from joserfc.jwk import ECKey, KeySet  # noqa: E402

LISTED = json.loads((SANDBOX / "sandbox.json").read_text())
KUOPIO = LISTED["nodes"]["kuopio"]
SMART = requests.get(KUOPIO["fhir"] + "/.well-known/smart-configuration", timeout=10).json()


def check(holds, what):
    """Says what holds, or ends the run."""
    if not holds:
        sys.exit(f"not so: {what}")
    print(f"  {what}")


def sits_at_the_browser(url):
    """Logs in as the first invented person, allows everything, and gives the address of the app."""
    browser = requests.Session()

    def page(reply):
        check(reply.status_code == 200, f"a page at {urlsplit(reply.url).path}")
        return reply

    def submits(reply, action, pairs):
        name = re.search(r'name="page" value="([^"]+)"', reply.text)[1]
        to = urljoin(reply.url, action)
        return browser.post(to, data={"page": name, **pairs}, allow_redirects=False, timeout=10)

    login = page(browser.get(url, timeout=10))
    number = re.search(r'name="as" value="(\d+)"', login.text)[1]
    consent = page(submits(login, "/oauth/login", {"as": number}))
    ticks = re.findall(r'type="checkbox" name="([^"]+)"', consent.text)
    sent = submits(consent, "/oauth/consent", {t: "1" for t in ticks} | {"do": "allow", "whose": "own"})
    check(sent.status_code == 303, "the browser is sent back to the app")
    return html.unescape(sent.headers["location"])


class ShortLived(PrivateKeyJWT):
    """Authlib's assertions live for an hour, unless it is told; SMART has five minutes at most."""

    def sign(self, auth, token_endpoint):
        self.claims = {"exp": int(time.time()) + 120}
        return super().sign(auth, token_endpoint)


def a_system_by_authlib():
    print("Authlib as a system (private_key_jwt)")
    listed = LISTED["clients"]["north-savo"]
    key = ECKey.import_key(json.loads((SANDBOX / listed["key"]).read_text()))
    endpoint = SMART["token_endpoint"]
    session = OAuth2Session(
        listed["client_id"],
        key,
        token_endpoint_auth_method="private_key_jwt",
        revocation_endpoint_auth_method="private_key_jwt",
    )
    proof = ShortLived(endpoint, alg=listed["alg"], headers={"kid": listed["kid"]})
    session.register_client_auth_method(proof)
    token = session.fetch_token(endpoint, grant_type="client_credentials", scope=listed["scope"])
    check(token["token_type"].lower() == "bearer" and token["scope"], "a token")
    found = session.get(KUOPIO["fhir"] + "/Organization", timeout=10)
    check(found.json()["resourceType"] == "Bundle", "a search with it")
    ended = session.revoke_token(SMART["revocation_endpoint"], token["access_token"])
    check(ended.status_code == 200, "it is ended")
    again = requests.get(
        KUOPIO["fhir"] + "/Organization",
        headers={"Authorization": f"Bearer {token['access_token']}"},
        timeout=10,
    )
    check(again.status_code == 401, "it opens no door any more")


def an_app_by_authlib():
    print("Authlib as an app (PKCE, OpenID Connect)")
    listed = LISTED["apps"]["my-days"]
    openid = requests.get(KUOPIO["issuer"] + "/.well-known/openid-configuration", timeout=10).json()
    session = OAuth2Session(
        listed["client_id"],
        redirect_uri=listed["redirect_uri"],
        scope="launch/patient patient/*.rs openid fhirUser offline_access",
        code_challenge_method="S256",
        token_endpoint_auth_method="none",
    )
    verifier, nonce = generate_token(48), generate_token(24)
    url, state = session.create_authorization_url(
        openid["authorization_endpoint"], code_verifier=verifier, nonce=nonce, aud=KUOPIO["fhir"]
    )
    back = sits_at_the_browser(url)
    said = parse_qs(urlsplit(back).query)
    check(said["state"] == [state] and said["iss"] == [openid["issuer"]], "state and issuer are told")
    token = session.fetch_token(
        openid["token_endpoint"], authorization_response=back, code_verifier=verifier
    )
    keys = requests.get(openid["jwks_uri"], timeout=10).json()
    algorithms = openid["id_token_signing_alg_values_supported"]
    check(algorithms == ["RS256"], "ID tokens are signed with RS256")
    identity = jwt.decode(token["id_token"], KeySet.import_key_set(keys), algorithms=algorithms)
    rules = jwt.JWTClaimsRegistry(
        iss={"essential": True, "value": openid["issuer"]},
        aud={"essential": True, "value": listed["client_id"]},
        nonce={"essential": True, "value": nonce},
    )
    rules.validate(identity.claims)
    check(True, "the ID token is of this login")
    who = session.get(identity.claims["fhirUser"], timeout=10).json()
    check(who["id"] == token["patient"], "fhirUser is the person of the launch")
    first = token["access_token"]
    renewed = session.refresh_token(openid["token_endpoint"], refresh_token=token["refresh_token"])
    check(renewed["access_token"] != first, "a new token while nobody is there")
    own = session.get(f"{KUOPIO['fhir']}/Observation?patient={renewed['patient']}", timeout=10).json()
    check(own["total"] > 0, f"{own['total']} scores of the person")


def an_app_by_fhirclient():
    print("fhirclient (SMART App Launch)")
    listed = LISTED["apps"]["my-days"]
    smart = fhir.FHIRClient(
        settings={
            "app_id": listed["client_id"],
            "api_base": KUOPIO["fhir"],
            "redirect_uri": listed["redirect_uri"],
            "scope": "launch/patient patient/*.rs openid fhirUser",
        }
    )

    def found(search, model):
        # The last entry of a page is an OperationOutcome: for which sources it is complete.
        return [one for one in search.perform_resources(smart.server) if isinstance(one, model)]

    check(not smart.ready, "it knows that somebody must log in")
    smart.handle_callback(sits_at_the_browser(smart.authorize_url))
    check(smart.ready, "it has a token")
    me = smart.patient
    check(isinstance(me, patient.Patient) and me.id == smart.patient_id, "it knows whose")
    survey = questionnaireresponse.QuestionnaireResponse
    answers = found(survey.where({"patient": me.id}), survey)
    check(len(answers) > 0 and answers[0].item, f"{len(answers)} life assessments, each read by its model")
    scores = found(observation.Observation.where({"patient": me.id}), observation.Observation)
    values = [score.valueInteger for score in scores if score.valueInteger is not None]
    check(values and all(0 <= value <= 10 for value in values), f"{len(values)} scores between 0 and 10")


a_system_by_authlib()
an_app_by_authlib()
an_app_by_fhirclient()
print("All of them connect.")
