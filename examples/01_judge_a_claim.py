"""Judge a claim of your own on two invented sides.

Somebody says that hardly anybody of those called up comes back whole. The claim is a file: `muster new claim` writes the one used here.
Run it with `python examples/01_judge_a_claim.py`; it takes a few seconds once the model is compiled.
"""

import tempfile
from pathlib import Path

import muster
from muster.cli.new import claim_text

DRAWS = 40  # few, so that the example is quick; 1,000 tell more


def judged_claim() -> dict:
    """The claim as `claims.json` holds it."""
    # The template is a claim about the scenario toy. A real one names your own series, window and threshold.
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "my-claim.yaml"
        path.write_text(claim_text(path), encoding="utf-8")
        # assess runs what the readings need - one ensemble here - and judges each reading on it.
        judgement = muster.assess("toy", draws=DRAWS, claim_names=(str(path),))
    return judgement.as_list()[0]


def main() -> None:
    """Says what came out, and how sure it is."""
    claim = judged_claim()
    reading = claim["readings"][0]
    low, middle, high = reading["quantity"]["values"]
    print(f"{claim['title']}: {reading['verdict']} (p = {reading['probability']:.2f} +- {2 * reading['mcse']:.2f})")
    print(f"The rate itself: {middle:.1%} ({low:.1%} to {high:.1%}); a tenth was claimed.")
    # No figure has moved this probability: it says what the ranges of the uncertain numbers imply.
    print("Prior-driven:", reading["prior_driven_because"])


if __name__ == "__main__":
    main()
