-- What Argo CD makes of a SendryTenant or a SendryPipeline. In the ConfigMap `argocd-cm`:
--
--   resource.customizations: |
--     sendry.io/*:
--       health.lua: |
--         <this file>
--
-- It goes by Ready, Stalled and deletion alone. MetricsAvailable and the like come and go, and are no reason to call a
-- deployment failed.

local function condition(kind)
  if obj.status ~= nil and obj.status.conditions ~= nil then
    for _, said in ipairs(obj.status.conditions) do
      if said.type == kind then
        return said
      end
    end
  end
  return nil
end

local function text(said, otherwise)
  if said == nil then
    return otherwise
  end
  if said.message ~= nil and said.message ~= "" then
    return said.message
  end
  return said.reason or otherwise
end

local ready = condition("Ready")
local stalled = condition("Stalled")

if obj.metadata.deletionTimestamp ~= nil then
  return { status = "Progressing", message = text(ready, "is being deleted") }
end

-- What was said of an earlier spec says nothing of this one.
local observed = obj.status ~= nil and obj.status.observedGeneration or 0
if ready == nil or observed < (obj.metadata.generation or 1) then
  return { status = "Progressing", message = "waiting for the operator" }
end

if stalled ~= nil and stalled.status == "True" then
  return { status = "Degraded", message = text(stalled, "needs a change") }
end

if ready.status ~= "True" then
  return { status = "Progressing", message = text(ready, "is not ready yet") }
end

if obj.spec.suspend == true then
  return { status = "Suspended", message = "suspended by spec.suspend" }
end

return { status = "Healthy", message = text(ready, "ready") }
