import argparse
from pathlib import Path

from infra.app import synthesized
from infra.profiles import PROFILES

parser = argparse.ArgumentParser("python -m infra", description="Write a phase's CloudFormation templates.")
parser.add_argument("phase", type=int, choices=range(len(PROFILES)))
parser.add_argument("folder", type=Path, nargs="?", default=Path("cdk.out"))
asked = parser.parse_args()
for stack in synthesized(asked.phase, asked.folder).stacks:
    print(f"{asked.folder / stack.template_file}: {len(stack.template['Resources'])} resources")  # noqa: T201
