"""An example of a rules file, as `firstline replay --example` prints it; it needs no settings to be read."""

EXAMPLE = """\
# Rules for `firstline replay --rules FILE`. A part that is left out stays as it is in force;
# a part that is there replaces all rules of its kind. JSON and TOML of the same shape do as well.

correlation:            # in the order in which they are tried; an empty list is the built-in one
  - name: The same alert again
    ground: same_alert      # same_group, shared_entity, same_ci, same_service, dependency, same_template
    window: 0               # minutes since the incident's last signal; 0: any
    age: 0                  # minutes since it was opened; 0: any
    reopens: true
  - name: One service
    ground: same_service
    window: 10
    age: 1440
    limit: 10000            # alerts that one incident takes
    soak: 15                # minutes of quiet before it is resolved
    resolves: true          # false: resolution is only proposed
    security: false         # only ordinary alerts; true: only security signals; left out: both
    # sources: [3], services: [12]  (ids); hops, weight, common, similarity for their grounds

noise:                  # kind: suppression, maintenance, inhibition, dependency, flapping, threshold
  - kind: threshold
    name: Count from the third
    definition: {times: 3, minutes: 10, reason: "Short blips are nobody's work."}

mapping:                # by the name of the source; what the console's mapping page keeps
  "Home-grown monitor":
    title: "{message}"
    key: "{check}"
"""
