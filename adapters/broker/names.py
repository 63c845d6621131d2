"""How other systems are called on the broker: by one word of a subject."""

import re

OUR_NAME = "baohao"
SYSTEM_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}")
