"""What the project promises of every pod and service that it starts on Kubernetes."""


def is_knative(document):
    return document["apiVersion"].startswith("serving.knative.dev/")


def pod_of(document):
    """The pod's specification that a document has, if it has one."""
    return document.get("spec", {}).get("template", {}).get("spec")


def broken(document):
    """The promises that a document breaks, as sentences."""
    spec = document.get("spec", {})
    if document["kind"] == "Service" and not is_knative(document):
        if spec.get("type") != "ClusterIP":
            yield "the service is open to the outside"
    if document["kind"] == "ServiceAccount" and document.get("automountServiceAccountToken") is not False:
        yield "the account hands out its token"
    pod = pod_of(document)
    if pod:
        yield from broken_by_pod(pod, is_knative(document))


def broken_by_pod(pod, knative):
    for field in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.get(field):
            yield f"the pod has {field}"
    if pod.get("automountServiceAccountToken") is not False:
        yield "the pod has a token of Kubernetes"
    if pod.get("enableServiceLinks") is not False:
        yield "the pod has variables that look like settings"
    allowed = {"emptyDir", "configMap", "secret", "persistentVolumeClaim"}
    for volume in pod.get("volumes", []):
        if not set(volume) - {"name"} <= allowed:
            yield f"the volume {volume['name']} is of another kind than {sorted(allowed)}"
        if "emptyDir" in volume and "sizeLimit" not in volume["emptyDir"]:
            yield f"the volume {volume['name']} may fill the node"
    # Knative decides about it itself.
    if not knative and "terminationGracePeriodSeconds" not in pod:
        yield "the pod has no time to end"
    for container in pod.get("initContainers", []) + pod["containers"]:
        for fault in broken_by_container(container, pod.get("securityContext", {})):
            yield f"container {container['name']}: {fault}"
    yield from broken_by_time(pod, knative)


def broken_by_container(container, inherited):
    security = inherited | container.get("securityContext", {})
    wanted = {"runAsNonRoot": True, "readOnlyRootFilesystem": True, "allowPrivilegeEscalation": False}
    for field, value in wanted.items():
        if security.get(field) is not value:
            yield f"{field} is not {value}"
    if security.get("privileged"):
        yield "it is privileged"
    if not security.get("runAsUser"):
        yield "its user is root"
    if security.get("capabilities") != {"drop": ["ALL"]}:
        yield "it keeps capabilities"
    if security.get("seccompProfile") != {"type": "RuntimeDefault"}:
        yield "it may make any system call"
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        if not container.get(probe):
            yield f"it has no {probe}"
    resources = container.get("resources", {})
    for kind, name in (("requests", "cpu"), ("requests", "memory"), ("limits", "memory")):
        if not resources.get(kind, {}).get(name):
            yield f"it has no {kind} of {name}"
    if ":" not in container["image"].split("/")[-1] or container["image"].endswith(":latest"):
        yield f"its image {container['image']} may be another one tomorrow"


def broken_by_time(pod, knative):
    """A server that is still ending its calls must not be killed."""
    for container in pod["containers"]:
        values = {entry["name"]: entry.get("value", "") for entry in container.get("env", [])}
        if "FAASM_SHUTDOWN_GRACE" not in values:
            continue
        grace = int(values["FAASM_SHUTDOWN_GRACE"].removesuffix("s"))
        before = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
        if knative:
            # Its queue drains first, and the pod's grace is the time of a request.
            continue
        if before < 1 or pod["terminationGracePeriodSeconds"] < before + grace + 10:
            yield f"{pod['terminationGracePeriodSeconds']} s are not enough for {before} s and {grace} s"
