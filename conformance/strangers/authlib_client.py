"""Authlib, as Debian has it: discovers, signs in with PKCE, checks the id token, asks userinfo, refreshes and revokes.

It says on stdout where the browser has to go, and reads on stdin where that was sent back to.
"""

import json
import sys

from authlib.common.security import generate_token
from authlib.integrations.requests_client import OAuth2Session
from authlib.jose import JsonWebKey, jwt

issuer, client_id, client_secret, redirect_uri = sys.argv[1:]
session = OAuth2Session(
    client_id,
    client_secret,
    scope="openid profile read",
    redirect_uri=redirect_uri,
    code_challenge_method="S256",
    token_endpoint_auth_method="client_secret_basic",
)
metadata = session.get(issuer + "/.well-known/openid-configuration", withhold_token=True).json()
assert metadata["issuer"] == issuer
verifier, nonce = generate_token(48), generate_token(20)
visit, _ = session.create_authorization_url(metadata["authorization_endpoint"], code_verifier=verifier, nonce=nonce)
print(json.dumps({"visit": visit}), flush=True)

answer = sys.stdin.readline().strip()
tokens = session.fetch_token(metadata["token_endpoint"], authorization_response=answer, code_verifier=verifier)
keys = JsonWebKey.import_key_set(session.get(metadata["jwks_uri"], withhold_token=True).json())
claims = jwt.decode(
    tokens["id_token"],
    keys,
    claims_options={"iss": {"value": issuer}, "aud": {"value": client_id}, "nonce": {"value": nonce}},
)
claims.validate()
person = session.get(metadata["userinfo_endpoint"]).json()
assert person["sub"] == claims["sub"]
before = tokens["refresh_token"]
refreshed = session.refresh_token(metadata["token_endpoint"], refresh_token=before)
assert refreshed["refresh_token"] != before
revoked = session.revoke_token(metadata["revocation_endpoint"], token=refreshed["refresh_token"])
print(json.dumps({"name": person["preferred_username"], "revoked": revoked.status_code}), flush=True)
