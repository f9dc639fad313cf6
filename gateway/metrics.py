"""What the gateway counts."""

from typing import Final

from prometheus_client import Counter, Gauge

CONNECTIONS: Final = Gauge("infopump_gateway_connections", "WebSockets that are open")
EVENTS: Final = Counter("infopump_gateway_events", "Revisions passed on to the clients")
REPEATS: Final = Counter("infopump_gateway_repeats", "Revisions dropped because they, or newer ones, were known")
RESUMES: Final = Counter(
    "infopump_gateway_resumes", "Clients that came back, by whether the gap was filled", ["recovered"]
)
CLOSES: Final = Counter(
    "infopump_gateway_closes", "Connections that the gateway closed, by the name of the code", ["close"]
)
BAD_EVENTS: Final = Counter("infopump_gateway_bad_events", "Messages of the alerts topic that could not be read")
FEED_LAG: Final = Gauge("infopump_gateway_feed_lag", "Offsets between the end of the alerts topic and what was applied")
FEED_CONTACT: Final = Gauge("infopump_gateway_feed_contact_seconds", "Unix time of the last answer of the broker")
