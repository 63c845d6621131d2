"""What is served over HTTP; the one place that knows its status codes."""
