"""Print pip's option for an additional package index, if it can be reached."""

import sys
import urllib.request

try:
    urllib.request.urlopen(f"{sys.argv[1]}/torch/", timeout=5).close()
except OSError:
    sys.exit()
print("--extra-index-url", sys.argv[1])
