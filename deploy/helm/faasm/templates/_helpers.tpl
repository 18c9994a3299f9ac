{{- define "faasm.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{ .Values.fullnameOverride }}
{{- else if contains .Chart.Name .Release.Name -}}
{{ .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else -}}
{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 40 | trimSuffix "-" }}
{{- end -}}
{{- end -}}

{{/* What a part's pods are found by; takes (list $ PART). It must not change from release to release. */}}
{{- define "faasm.selector" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: {{ $root.Chart.Name }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{- define "faasm.labels" -}}
{{- $root := index . 0 -}}
{{ include "faasm.selector" . }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version }}
{{- end -}}

{{- define "faasm.secret" -}}
{{ .Values.secrets.existingSecret | default (printf "%s-secrets" (include "faasm.fullname" .)) }}
{{- end -}}

{{- define "faasm.redisSecret" -}}
{{ .Values.redis.existingSecret | default (printf "%s-redis" (include "faasm.fullname" .)) }}
{{- end -}}

{{/* A key of a Secret that is there already, or a new value; takes (list $ NAME KEY NEW). So what was
made once stays through upgrades. */}}
{{- define "faasm.kept" -}}
{{- $root := index . 0 -}}
{{- $there := lookup "v1" "Secret" $root.Release.Namespace (index . 1) -}}
{{- $kept := get (default dict (default dict $there).data) (index . 2) -}}
{{- if $kept }}{{ $kept | b64dec }}{{ else }}{{ index . 3 }}{{ end -}}
{{- end -}}

{{/* The highest standard of Kubernetes ("restricted"); takes the user's id. */}}
{{- define "faasm.podSecurity" -}}
runAsNonRoot: true
runAsUser: {{ . }}
runAsGroup: {{ . }}
fsGroup: {{ . }}
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "faasm.containerSecurity" -}}
allowPrivilegeEscalation: false
privileged: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{/* Where a part finds what is stored; takes (list $ PART). */}}
{{- define "faasm.storage" -}}
{{- $storage := (index . 0).Values.storage -}}
{{- if eq $storage.kind "s3" -}}
s3://{{ $storage.s3.bucket }}{{ with $storage.s3.prefix }}/{{ . }}{{ end }}
{{- else if eq (index . 1) "upload" -}}
file
{{- else -}}
http://{{ include "faasm.fullname" (index . 0) }}-upload:8002
{{- end -}}
{{- end -}}

{{/* The environment of upload servers and workers; takes $. */}}
{{- define "faasm.env" -}}
- name: FAASM_CONFIG
  value: /etc/faasm/faasm.toml
- name: FAASM_DATA_DIR
  value: /data
- name: FAASM_AUTH
  value: tokens
- name: FAASM_CLUSTER_KEY
  valueFrom:
    secretKeyRef: {name: {{ include "faasm.secret" . }}, key: cluster-key}
- name: FAASM_REDIS
  valueFrom:
    secretKeyRef: {name: {{ include "faasm.redisSecret" . }}, key: url}
{{- if .Values.cluster.tls }}
- name: FAASM_CLUSTER_TLS
  value: "true"
{{- end }}
{{- if .Values.monitoring.open }}
- name: FAASM_OPEN_METRICS
  value: "true"
{{- end }}
{{- if eq .Values.storage.kind "s3" }}
{{- with .Values.storage.s3 }}
- name: AWS_REGION
  value: {{ .region | quote }}
{{- if .endpoint }}
- name: AWS_ENDPOINT_URL
  value: {{ .endpoint | quote }}
{{- end }}
{{- if .allowHttp }}
- name: AWS_ALLOW_HTTP
  value: "true"
{{- end }}
{{- if .existingSecret }}
{{- range list "AWS_ACCESS_KEY_ID" "AWS_SECRET_ACCESS_KEY" }}
- name: {{ . }}
  valueFrom:
    secretKeyRef: {name: {{ $.Values.storage.s3.existingSecret }}, key: {{ . }}}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{/* A start may have to read a long log, so it has three minutes; a server that lives is not killed
because it is busy. */}}
{{- define "faasm.probes" -}}
startupProbe:
  httpGet: {path: /healthz, port: http}
  periodSeconds: 2
  failureThreshold: 90
readinessProbe:
  httpGet: {path: /readyz, port: http}
  periodSeconds: 5
  timeoutSeconds: 3
  failureThreshold: 2
livenessProbe:
  httpGet: {path: /healthz, port: http}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
{{- end -}}

{{/* What the two kinds of pods have in common; takes (list $ PART), and opens at the pod's spec. */}}
{{- define "faasm.pod" -}}
{{- $root := index . 0 -}}
{{- $values := get $root.Values (index . 1) -}}
serviceAccountName: {{ include "faasm.fullname" $root }}
automountServiceAccountToken: false
# Variables of other services, such as FAASM_UPLOAD_PORT, are no settings.
enableServiceLinks: false
{{- with $root.Values.image.pullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
securityContext: {{- include "faasm.podSecurity" 65532 | nindent 2 }}
# preStop, then the grace, then what is left to write.
terminationGracePeriodSeconds: {{ add 5 $values.shutdownGraceSeconds 15 }}
{{- with $values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels: {{- include "faasm.selector" . | nindent 8 }}
{{- end -}}

{{/* The same for their container, which is called faasm. */}}
{{- define "faasm.container" -}}
{{- $root := index . 0 -}}
{{- $values := get $root.Values (index . 1) -}}
name: faasm
image: {{ printf "%s:%s" $root.Values.image.repository ($root.Values.image.tag | default $root.Chart.AppVersion) }}
imagePullPolicy: {{ $root.Values.image.pullPolicy }}
args: [serve]
securityContext: {{- include "faasm.containerSecurity" $root | nindent 2 }}
{{ include "faasm.probes" $root }}
# At SIGTERM a server closes its listeners at once and lets calls end. Services learn that the pod
# goes at the same time and not before, so that for some seconds they still send it calls. By now
# the pod is marked as going; until they know, it serves on.
lifecycle:
  preStop:
    sleep: {seconds: 5}
resources: {{- toYaml $values.resources | nindent 2 }}
volumeMounts:
  - {name: data, mountPath: /data}
  - {name: settings, mountPath: /etc/faasm, readOnly: true}
{{- end -}}

{{/* New pods for new settings, which are read at the start. */}}
{{- define "faasm.podAnnotations" -}}
checksum/settings: {{ (index . 0).Values.settings | sha256sum }}
{{- with (get (index . 0).Values (index . 1)).podAnnotations }}
{{ toYaml . }}
{{- end }}
{{- end -}}
