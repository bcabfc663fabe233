"""What Prometheus may ask, in one place. Rendered by `health.py`; names follow its conventions."""

from prometheus_client import Counter, Histogram

REQUESTS = Counter("anb_http_requests_total", "Requests answered", ["method", "route", "status"])
REQUEST_SECONDS = Histogram("anb_http_request_seconds", "Time to answer", ["route"])
UPLOADED_BYTES = Counter("anb_uploaded_bytes_total", "Bytes of videos taken")
VOTES = Counter("anb_votes_total", "Votes by what became of them", ["outcome"])
PROCESSED = Counter("anb_videos_processed_total", "Attempts at videos by what became of them", ["outcome"])
PROCESSING_SECONDS = Histogram(
    "anb_processing_seconds", "Time of one attempt", buckets=(1, 2, 5, 10, 20, 40, 80, 160, 320, 640)
)
