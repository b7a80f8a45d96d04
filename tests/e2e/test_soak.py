"""
A soak: deployments mixed at random, with kills, on a real engine; see soak.py. A few of them by default.
    MDC_SOAK=500 pytest -s tests/e2e/test_soak.py      the whole; MDC_SOAK_SEED: as it was
"""

import os
import random

from soak import soak

DEPLOYMENTS = int(os.environ.get("MDC_SOAK", "12"))


def test_soak(agent, repo, engine, bystanders):
    seed = os.environ.get("MDC_SOAK_SEED") or str(random.SystemRandom().randrange(1 << 32))
    print(f"seed {seed}")
    soak(agent, repo, engine, bystanders, DEPLOYMENTS, int(seed))
