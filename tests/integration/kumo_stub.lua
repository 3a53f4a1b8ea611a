-- Stands in for KumoMTA's functions, as its reference describes them, and plays the scenes that
-- `test_kumomta` names. Every line of output is one thing that happened.

local answers, now, throttles = {}, 0, {}

local function told(...)
  print(table.concat({ ... }, ' '))
end

local function encoded(value)
  local names, parts = {}, {}
  for name in pairs(value) do
    names[#names + 1] = name
  end
  table.sort(names)
  for _, name in ipairs(names) do
    parts[#parts + 1] = name .. '=' .. tostring(value[name])
  end
  return table.concat(parts, ',')
end

local request = {}
request.__index = request
function request:header(name, value)
  self[name] = value
  return self
end
function request:body(text)
  self.text = text
  return self
end
function request:send()
  told('asked', self.url, self.text)
  local answer = table.remove(answers, 1)
  if answer == nil then
    error 'connection refused'
  end
  return {
    text = function()
      return answer
    end,
  }
end

-- One grain, as KumoMTA's: the first passes, the next has to wait for the period.
local throttle = {}
throttle.__index = throttle
function throttle:delay_message_if_throttled(message)
  if (throttles[self.name] or 0) <= now then
    throttles[self.name] = now + self.seconds
    return false
  end
  message.due = throttles[self.name]
  return true
end

local kumo = {
  http = {
    build_client = function(parameters)
      told('client', encoded(parameters))
      return {
        post = function(_, url)
          return setmetatable({ url = url }, request)
        end,
      }
    end,
  },
  serde = {
    json_encode = encoded,
    json_parse = function(text)
      if type(text) ~= 'table' then
        error 'no JSON'
      end
      return text
    end,
  },
  log_warn = function(text)
    told('warned', text)
  end,
  make_throttle = function(name, spec)
    local seconds = assert(tonumber(spec:match '^local:1/(%d+)s$'), spec)
    return setmetatable({ name = name, seconds = seconds }, throttle)
  end,
}
package.preload.kumo = function()
  return kumo
end

local function message(meta)
  return {
    due = 0,
    get_meta = function(_, name)
      return meta[name]
    end,
    recipient = function()
      return { domain = 'example.org' }
    end,
  }
end

local muster = require 'muster_limits'
local scenes = {}

function scenes.granted()
  answers = { { granted = true, limits = {} } }
  local one = message {}
  muster.throttle(one)
  told('due', one.due)
end

function scenes.refused()
  local refusal = { granted = false, limit = 'out', retry_after = 7.2 }
  answers = { refusal, refusal }
  local first, second = message { muster_binding = 'bulk', routing_domain = 'route.test' }, message {}
  muster.throttle(first)
  muster.throttle(second)
  told('due', first.due, second.due)
end

function scenes.silent()
  local one = message {}
  muster.throttle(one)
  told('due', one.due)
end

function scenes.rubbish()
  answers = { 'not JSON' }
  local one = message {}
  muster.throttle(one)
  told('due', one.due)
end

function scenes.path()
  answers = {
    {
      granted = true,
      limits = {
        { name = 'wide', most = 90, share = 30 },
        { name = 'narrow', most = 20, share = 6.7 },
        { name = 'rate', most = 3, share = 1, window = 60 },
      },
    },
  }
  told('path', encoded(muster.path('example.org', 'bulk', { connection_limit = 20 })))
end

function scenes.little()
  answers = { { granted = false, limits = { { name = 'narrow', most = 1, share = 0.3 } } } }
  told('path', encoded(muster.path('example.org', 'bulk')))
end

function scenes.path_without_answer()
  told('path', encoded(muster.path('example.org', 'bulk', { connection_limit = 20 })))
end

scenes[arg[1]]()
