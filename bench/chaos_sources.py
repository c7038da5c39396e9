"""Makes the sources of `chaos_intake` in the installation that the environment names; prints their tokens."""

import json

import django

MAPPING = {"key": "$.key", "title": "$.title", "state": "$.status", "ci": "$.key"}


def main() -> None:
    django.setup()
    from firstline.core import clock
    from firstline.core.actor import Actor
    from firstline.intake.actions import create_source

    tokens = {}
    for kind, fields in (("pagerduty", {}), ("alertmanager", {}), ("generic", {"mapping": MAPPING})):
        _, token = create_source(name=kind, kind=kind, actor=Actor.system("chaos"), now=clock.now(), **fields)
        tokens[kind] = token
    print(json.dumps(tokens))


if __name__ == "__main__":
    main()
