-- What is read, listed and renewed.

local function read(id)
  local ex = find(id)
  if not ex then return false end
  local found = call('HMGET', TAG .. 'x:' .. id, 'd', 'r')
  return {
    ex.plan, ex.m, found[1], found[2], call('HLEN', TAG .. 'a:' .. id), call('LLEN', TAG .. 'e:' .. id),
  }
end

local function results(id, keys)
  local found = {}
  local ex = find(id)
  if not ex then return { 0, found } end
  for index, key in ipairs(keys) do
    local row = row_of(ex, key, 'n:', 'a:')
    if row then
      local content = row[CONTENT]
      if content == true then content = call('HGET', TAG .. 'o:' .. id, key) end
      found[#found + 1] = { index, row[STATE], content or false }
    end
  end
  return { ex.m[NUMBER], found }
end

local function due_of(ex, key, row)
  return {
    ex.id, key, row[STATE], row[TOKEN], row[ATTEMPT], row[FAILURES], row[LOST], row[CURSOR],
    ex.m[HALT], ex.plan, ex.m[NUMBER],
  }
end

local function due(limit)
  local found, upcoming = {}, false
  local listed = call('ZRANGE', TAG .. 'due', 0, limit, 'WITHSCORES')
  for index = 1, #listed, 2 do
    local entry, score = listed[index], tonumber(listed[index + 1])
    if score > NOW or #found == limit then
      upcoming = math.max(0, score - NOW)
      break
    end
    local id, key = entry:match('^(%Z*)%z(.*)$')
    local ex = find(id)
    local row = ex and (key == '' and new_row() or row_of(ex, key, 'a:', 'n:'))
    if row then
      found[#found + 1] = { score, due_of(ex, key, row) }
    else
      call('ZREM', TAG .. 'due', entry)
    end
  end
  return { found, upcoming }
end

-- Those that nobody runs come first; RUNNING ones are as many as workers have slots.
local function active(id, limit)
  local ex = find(id)
  local free, held = {}, {}
  local cursor = '0'
  if not ex then return free end
  repeat
    local page = call('HSCAN', TAG .. 'a:' .. id, cursor, 'COUNT', 500)
    cursor = page[1]
    for index = 1, #page[2], 2 do
      local row = decode(page[2][index + 1])
      local kind = row[STATE] == RUNNING and row[CURSOR] == NO_CURSOR and held or free
      if #kind < limit then kind[#kind + 1] = due_of(ex, page[2][index], row) end
    end
  until cursor == '0' or #free >= limit
  for _, item in ipairs(held) do
    if #free >= limit then break end
    free[#free + 1] = item
  end
  return free
end

local function renew(leases, lease_ms)
  local answers = {}
  for index, lease in ipairs(leases) do
    local ex = find(lease[1])
    local value = ex and ex.m[HALT] == '' and call('HGET', TAG .. 'a:' .. lease[1], lease[2])
    local row = value and decode(value)
    local holds = row and row[STATE] == RUNNING and row[TOKEN] == lease[3]
    if holds then set_deadline(ex, lease[2], NOW + lease_ms) end
    answers[index] = holds and true or false
  end
  return answers
end

-- Executions of some statuses with a number below another, the newest first.
local function list(statuses, below, limit)
  local found = {}
  local top = below and '(' .. string.format('%.0f', below) or '+inf'
  for _, status in ipairs(statuses) do
    local page = call('ZREVRANGEBYSCORE', TAG .. 's:' .. status, top, '-inf', 'WITHSCORES',
      'LIMIT', 0, limit)
    for index = 1, #page, 2 do
      found[#found + 1] = { tonumber(page[index + 1]), page[index] }
    end
  end
  table.sort(found, function(one, other) return one[1] > other[1] end)
  for index = #found, limit + 1, -1 do found[index] = nil end
  return found
end

local function past(age, limit)
  local found = {}
  local page = call('ZRANGEBYSCORE', TAG .. 'old', '-inf', NOW - age, 'WITHSCORES', 'LIMIT', 0, limit)
  for index = 1, #page, 2 do
    local ex = find(page[index])
    found[#found + 1] = { tonumber(page[index + 1]), page[index], ex and ex.m[NUMBER] or -1 }
  end
  return found
end

local DAY_MS, RELAY_MS = 24 * 3600 * 1000, 10000

-- The events that wait to be told elsewhere, for the one relay that tells those of this shard.
local function feed(relay, level, limit)
  local owner = call('GET', TAG .. 'relay')
  if owner and owner ~= relay then return false end
  call('SET', TAG .. 'relay', relay, 'PX', RELAY_MS)
  call('SET', TAG .. 'feed', level, 'PX', DAY_MS)
  local listed = call('LRANGE', TAG .. 'f', 0, limit - 1)
  local found = {}
  for _, entry in ipairs(listed) do
    local place = cmsgpack.unpack(entry)
    local ex = find(place[1])
    local event = ex and call('LINDEX', TAG .. 'e:' .. place[1], place[2] - 1)
    if event then found[#found + 1] = { place[1], place[2], ex.m[CREATED], event } end
  end
  return { found, #listed }
end

local function fed(relay, count)
  if call('GET', TAG .. 'relay') ~= relay then return false end
  call('LTRIM', TAG .. 'f', count, -1)
  return true
end

local function clock()
  return NOW
end

local function stats()
  local counts, queues = {}, {}
  for _, status in ipairs({ 'PENDING', 'RUNNING', 'COMPLETED', 'FAILED', 'CANCELLED' }) do
    counts[#counts + 1] = { status, call('ZCARD', TAG .. 's:' .. status) }
  end
  for _, name in ipairs(call('SMEMBERS', TAG .. 'q')) do
    local ready = TAG .. 'r:' .. name
    local count = call('ZCARD', ready)
    if count > 0 then
      local oldest = call('ZRANGE', ready, 0, 0, 'WITHSCORES')
      local queue, handler = name:match('^(%Z*)%z(.*)$')
      queues[#queues + 1] = { queue, handler, count, NOW - tonumber(oldest[2]) }
    else
      call('SREM', TAG .. 'q', name)
    end
  end
  return { counts, queues }
end
