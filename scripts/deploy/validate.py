"""Validates rendered manifests, and what else is below deploy/, against schemas and the project's own
facts: the names of settings and metrics, versions, and what refers to what.

    validate.py MANIFESTS.yaml…
"""

import re
import sys
from pathlib import Path

import kubernetes_validate
import promql_parser
import yaml
from cloudcoil.models.knative_serving.serving.v1 import Service as KnativeService

from policy import broken, is_knative, pod_of

ROOT = Path(__file__).resolve().parents[2]
# The oldest that the chart says it runs on, and the newest there is a schema for.
KUBERNETES = ("1.30", kubernetes_validate.latest_version())
# Kinds of the Prometheus operator have no schema here; their rules are checked below.
WITHOUT_SCHEMA = {"ServiceMonitor", "PrometheusRule"}


def text(path):
    return (ROOT / path).read_text()


def against_schema(document):
    if document["kind"] in WITHOUT_SCHEMA:
        return
    if is_knative(document):
        # The model drops what it does not know.
        try:
            understood = KnativeService.model_validate(document)
        except (TypeError, ValueError) as error:
            yield f"Knative: {error}"
            return
        understood = understood.model_dump(mode="json", by_alias=True, exclude_unset=True)
        if unknown := list(differences(document, understood)):
            yield f"Knative knows no {unknown}"
        pod = {k: v for k, v in pod_of(document).items() if k not in ("containerConcurrency", "timeoutSeconds")}
        document = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "pod"}, "spec": pod}
    for version in KUBERNETES:
        try:
            kubernetes_validate.validate(document, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            yield f"Kubernetes {version}: {error.message} at {list(error.path)}"


def differences(given, understood, path=""):
    if isinstance(given, dict):
        for key, value in given.items():
            if key not in understood:
                yield f"{path}.{key}"
            else:
                yield from differences(value, understood[key], f"{path}.{key}")
    elif isinstance(given, list):
        for index, value in enumerate(given):
            yield from differences(value, understood[index], f"{path}[{index}]")


def selects(selector, labels):
    return selector.items() <= (labels or {}).items()


def pods_labels(document):
    labels = document["spec"]["template"].get("metadata", {}).get("labels", {})
    if is_knative(document):
        labels = labels | {"serving.knative.dev/service": document["metadata"]["name"]}
    return labels


def dangling(documents, own):
    """What refers to something that is neither among the documents nor the operator's own."""
    names = {(d["kind"], d["metadata"]["name"]) for d in documents}
    labels = [pods_labels(d) for d in documents if pod_of(d)]
    for document in documents:
        spec, kind = document.get("spec", {}), document["kind"]
        selector = spec.get("selector", {}) if kind in ("Service", "PodDisruptionBudget") else {}
        selector = selector.get("matchLabels", selector) or spec.get("podSelector", {}).get("matchLabels", {})
        if selector and not any(selects(selector, pod) for pod in labels):
            yield document, f"selects no pod: {selector}"
        if target := spec.get("scaleTargetRef"):
            if (target["kind"], target["name"]) not in names:
                yield document, f"scales {target['name']}, which is not there"
        pod = pod_of(document) or {}
        wanted = {("ServiceAccount", pod.get("serviceAccountName"))}
        for volume in pod.get("volumes", []):
            wanted.add(("ConfigMap", volume.get("configMap", {}).get("name")))
            wanted.add(("Secret", volume.get("secret", {}).get("secretName")))
            wanted.add(("PersistentVolumeClaim", volume.get("persistentVolumeClaim", {}).get("claimName")))
        for container in pod.get("containers", []):
            for entry in container.get("env", []):
                wanted.add(("Secret", entry.get("valueFrom", {}).get("secretKeyRef", {}).get("name")))
            for host in re.findall(r"http://([a-z-]+):", str(container.get("env"))):
                wanted.add(("Service", host))
        for kind, name in sorted(wanted - names, key=str):
            if name and name not in own:
                yield document, f"needs the {kind} {name}, which is not there"


def alerts():
    """What is wrong with the alerts, and with the questions to Prometheus in the documents."""
    page = text("docs/operations.md")
    groups = yaml.safe_load(text("deploy/prometheus/alerts.yaml"))["groups"]
    rules = {rule["alert"]: rule for group in groups for rule in group["rules"]}
    described = re.findall(r"^\| `(Faasm\w+)` \|", page, re.M)
    if sorted(described) != sorted(rules):
        yield f"docs/operations.md describes other alerts than there are: {sorted({*described} ^ {*rules})}"
    for name, rule in rules.items():
        if rule["labels"].get("severity") not in ("critical", "warning", "info"):
            yield f"{name} does not say how bad it is"
        if not rule["annotations"].get("summary"):
            yield f"{name} does not say what it is"
    asked = [line for block in re.findall(r"^```promql\n(.*?)^```", page, re.M | re.S) for line in block.splitlines()]
    asked = [line for line in asked if not line.startswith("#")]
    metrics = set(re.findall(r"^\| `(faasm_\w+)` \|", page, re.M))
    for question in [*asked, *(rule["expr"] for rule in rules.values())]:
        try:
            promql_parser.parse(question)
        except ValueError as error:
            yield f"{question}: {error}"
        used = {re.sub("_(bucket|sum|count)$", "", metric) for metric in re.findall(r"\bfaasm_\w+", question)}
        for metric in sorted(used - metrics):
            yield f"{question}: {metric} is not in docs/operations.md"


def facts():
    """Names and versions that are written in more than one place."""
    variables = set(re.findall(r"`(FAASM_\w+)`", text("docs/configuration.md") + text("docs/cli.md")))
    variables |= {"FAASM_VERSION"}  # compose.yaml's own: the image's tag
    variables |= {"FAASM_UPLOAD_PORT"}  # named as what is none
    files = [path for path in (ROOT / "deploy").rglob("*") if path.is_file()]
    used = {name for path in files for name in re.findall(r"\bFAASM_\w*[A-Z]", path.read_text())}
    for name in sorted(used - variables):
        yield f"{name} is not in docs/configuration.md"
    version = re.search(r'\[workspace.package\]\nversion = "(.*)"', text("Cargo.toml"))[1]
    chart = yaml.safe_load(text("deploy/helm/faasm/Chart.yaml"))
    if chart["appVersion"] != version:
        yield f"Chart.yaml: appVersion is not {version}"
    rust = re.search(r'channel = "(.*)"', text("rust-toolchain.toml"))[1]
    if set(re.findall(r"(?:rust:|RUSTUP_TOOLCHAIN=)([\d.]+)", text("deploy/Dockerfile"))) != {rust}:
        yield f"Dockerfile: its Rust is not {rust}"
    compose = yaml.safe_load(text("deploy/compose/compose.yaml"))
    images = [service["image"] for service in compose["services"].values()]
    values = yaml.safe_load(text("deploy/helm/faasm/values.yaml"))
    if values["redis"]["bundled"]["image"] not in images:
        yield "compose.yaml and values.yaml have different images of Redis"
    example = set(re.findall(r"^(\w+)=", text("deploy/compose/.env.example"), re.M))
    asked = set(re.findall(r"\$\{(\w+):\?", text("deploy/compose/compose.yaml")))
    if example != asked:
        yield f".env.example and compose.yaml differ: {example ^ asked}"


def faults(path):
    documents = [document for document in yaml.safe_load_all(Path(path).read_text()) if document]
    for document in documents:
        place = f"{document['kind']} {document['metadata']['name']}"
        for fault in [*against_schema(document), *broken(document)]:
            yield f"{place}: {fault}"
        if document["kind"] == "PrometheusRule":
            if document["spec"] != yaml.safe_load(text("deploy/prometheus/alerts.yaml")):
                yield f"{place}: its rules are others than those of deploy/prometheus/alerts.yaml"
    own = {"my-secrets", "my-redis", "my-bucket"} if "s3" in path else {"faasm"} if "knative" in path else set()
    for document, fault in dangling(documents, own):
        yield f"{document['kind']} {document['metadata']['name']}: {fault}"


def main(paths):
    found = [f"deploy: {fault}" for fault in [*facts(), *alerts()]]
    for path in paths:
        found += [f"{Path(path).stem}: {fault}" for fault in faults(path)]
    sys.exit("\n".join(found) if found else 0)


main(sys.argv[1:])
