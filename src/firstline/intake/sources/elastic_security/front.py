"""Kibana's webhook connector posts whatever its action's body says: https://www.elastic.co/guide/en/kibana/current/webhook-action-type.html"""

from ..lines import LinesFront


class ElasticSecurityFront(LinesFront):
    kind = "elastic_security"
    security = True
