-- Runs the commands in order. One that fails by its own fault is answered with what was wrong, and
-- the others go on; where Redis itself refuses to write, it does so before anything was written.

local COMMANDS = {
  move = apply, halt = halt, clock = clock, take = take, create = create, hold = hold, unhold = unhold, holders = holders,
  delete = delete, read = read, results = results, due = due, active = active, renew = renew,
  feed = feed, fed = fed, list = list, past = past, stats = stats,
}

local NOT_OURS = { 'OOM', 'READONLY', 'MISCONF', 'NOREPLICAS', 'CLUSTERDOWN', 'MASTERDOWN' }

local function is_refused_by_redis(text)
  for _, word in ipairs(NOT_OURS) do
    if text:find(word, 1, true) then return true end
  end
  return false
end

local answers = {}
for index, command in ipairs(cmsgpack.unpack(ARGV[1])) do
  local run = COMMANDS[command[1]]
  local done, result = pcall(run, unpack(command, 2, 8))
  if not done then
    local text = type(result) == 'table' and result.err or tostring(result)
    if is_refused_by_redis(text) then return redis.error_reply(text) end
    known, result = {}, { error = text }
  end
  answers[index] = result
end
return pack(answers)
