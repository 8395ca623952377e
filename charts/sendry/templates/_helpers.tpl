{{/* The name that everything of a release begins with. A Service's name begins with a letter and has no dots. */}}
{{- define "sendry.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- $full := printf "%s-%s" .Release.Name $name -}}
{{- if .Values.fullnameOverride -}}
{{- $full = .Values.fullnameOverride -}}
{{- else if contains $name .Release.Name -}}
{{- $full = .Release.Name -}}
{{- end -}}
{{- $full = $full | trunc 40 | trimAll "-" -}}
{{- if not (regexMatch "^[a-z]([-a-z0-9]*[a-z0-9])?$" $full) -}}
{{- fail (printf "everything of this release would be named `%s-…`, and no Service may be named so: set fullnameOverride to letters a-z, digits and hyphens, with a letter first, or name the release so" $full) -}}
{{- end -}}
{{- $full -}}
{{- end -}}

{{/* What selects pods; never changes, for a Deployment's selector cannot. Given (list root component). */}}
{{- define "sendry.selector" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: {{ default $root.Chart.Name $root.Values.nameOverride | quote }}
app.kubernetes.io/instance: {{ $root.Release.Name | quote }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{/* Labels of pods: nothing that changes from version to version, which would start them all anew. Given (list root component). */}}
{{- define "sendry.podLabels" -}}
{{ include "sendry.selector" . }}
app.kubernetes.io/part-of: sendry
app.kubernetes.io/managed-by: {{ (index . 0).Release.Service }}
{{- end -}}

{{/* Labels of everything. Given (list root component). */}}
{{- define "sendry.labels" -}}
{{- $root := index . 0 -}}
{{ include "sendry.podLabels" . }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" | quote }}
{{- end -}}

{{/* An image. Given (list root name override). No image of ours is published: without a registry, a node that lacks it would
     ask Docker Hub, whose `sendry` is somebody else. */}}
{{- define "sendry.image" -}}
{{- $root := index . 0 -}}
{{- $image := $root.Values.image -}}
{{- if index . 2 -}}
{{- index . 2 -}}
{{- else -}}
{{- if and (empty $image.registry) (eq $image.repository "sendry") (ne $image.pullPolicy "Never") -}}
{{- fail "where are the images? None is published yet, and docker.io/sendry is not this project's. Build them (charts/sendry/README.md says how) and set image.registry to where you pushed them, or image.pullPolicy=Never where every node has them" -}}
{{- end -}}
{{- $registry := ternary "" (printf "%s/" $image.registry) (empty $image.registry) -}}
{{- printf "%s%s/%s:%s" $registry $image.repository (index . 1) ($image.tag | default $root.Chart.AppVersion) -}}
{{- end -}}
{{- end -}}

{{/* Variables of the stores. Given (list root key…): the key queue-url becomes SENDRY_QUEUE_URL. */}}
{{- define "sendry.stores" -}}
{{- $secret := (index . 0).Values.stores.secretName -}}
{{- range $at, $key := rest . }}
{{- if $at }}{{ "\n" }}{{ end -}}
- name: SENDRY_{{ $key | upper | replace "-" "_" }}
  valueFrom:
    secretKeyRef:
      name: {{ $secret | quote }}
      key: {{ $key }}
{{- end }}
{{- end -}}

{{/* What a pod is, whatever runs in it: restricted, and without a token of the API server unless it says so. */}}
{{- define "sendry.pod" -}}
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  seccompProfile:
    type: RuntimeDefault
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* The same of a container. */}}
{{- define "sendry.container" -}}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
{{- end -}}

{{/* The admin listener: alive as long as its tasks are, ready when requests would succeed. */}}
{{- define "sendry.probes" -}}
livenessProbe:
  httpGet: { path: /livez, port: admin }
  periodSeconds: 10
  failureThreshold: 6
readinessProbe:
  httpGet: { path: /readyz, port: admin }
  periodSeconds: 2
  failureThreshold: 2
{{- end -}}

{{/* Where pods go, spread. Given (list root component values). */}}
{{- define "sendry.placing" -}}
topologySpreadConstraints:
  {{- range list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
  - topologyKey: {{ . }}
    maxSkew: 1
    whenUnsatisfiable: ScheduleAnyway
    matchLabelKeys: [pod-template-hash]
    labelSelector:
      matchLabels:
        {{- include "sendry.selector" $ | nindent 8 }}
  {{- end }}
{{- with include "sendry.where" (index . 2) }}
{{ . }}
{{- end }}
{{- end -}}

{{/* Where they may go at all. Given values of a component. */}}
{{- define "sendry.where" -}}
{{- $fields := dict -}}
{{- range $field := list "nodeSelector" "tolerations" "affinity" "priorityClassName" -}}
{{- with get $ $field }}{{ $_ := set $fields $field . }}{{ end -}}
{{- end -}}
{{- with $fields }}{{ toYaml . }}{{ end -}}
{{- end -}}

{{/* The same of the workers' pods, as the operator reads it. Given `workers`. */}}
{{- define "sendry.workerTemplate" -}}
{{- $fields := dict -}}
{{- range $field, $value := dict "nodeSelector" .nodeSelector "tolerations" .tolerations "priorityClassName" .priorityClassName "annotations" .podAnnotations -}}
{{- if $value }}{{ $_ := set $fields $field $value }}{{ end -}}
{{- end -}}
{{- with $fields }}{{ toJson . }}{{ end -}}
{{- end -}}

{{/* The Secret of the API's token. */}}
{{- define "sendry.tokenSecret" -}}
{{- .Values.analytics.token.secretName | default (printf "%s-analytics" (include "sendry.fullname" .)) -}}
{{- end -}}

{{/* A manifest of files/, with this release's labels and annotations. It stays text, so that its comments stay.
     Given (list root component text annotations). */}}
{{- define "sendry.adopted" -}}
{{- $metadata := dict "labels" (include "sendry.labels" . | fromYaml) -}}
{{- with index . 3 }}{{ $_ := set $metadata "annotations" . }}{{ end -}}
{{- $lines := printf "metadata:\n  %s" ($metadata | toYaml | indent 2 | trim) -}}
{{- regexReplaceAllLiteral "(?m)^metadata:$" (index . 2 | trim) $lines -}}
{{- end -}}
