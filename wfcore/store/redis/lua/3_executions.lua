-- Executions as wholes: made, held by their retries, deleted.

local function next_number()
  local last = tonumber(call('GET', TAG .. 'k') or '0')
  local number = math.max(NOW_US, last + 1)
  number = number + (SHARD - number) % SHARDS
  call('SET', TAG .. 'k', number)
  return number
end

-- Its number; 0: the id is known; -1: the document has to come with it.
local function create(id, plan, document, description, timeout, retry_of)
  if find(id) then return 0 end
  local shelf = TAG .. 'd:' .. plan
  if not document and call('EXISTS', shelf) == 0 then return -1 end
  local number = next_number()
  local m = { 'PENDING', '', 0, NOW, false, false, {}, {}, number, timeout or false }
  if document then call('HSETNX', shelf, 'body', document) end
  call('HINCRBY', shelf, 'count', 1)
  call('HSET', TAG .. 'x:' .. id, 'p', plan, 'm', pack(m), 'd', description)
  if retry_of then call('HSET', TAG .. 'x:' .. id, 'r', retry_of) end
  call('ZADD', TAG .. 's:PENDING', number, id)
  call('ZADD', TAG .. 'old', NOW, id)
  known[id] = nil
  return number
end

-- A retry, which may live in another shard, says that it is about to reuse an execution's outputs.
local function hold(id, retry)
  if not find(id) then return 0 end
  return call('HSETNX', TAG .. 'h:' .. id, retry, NOW)
end

local function unhold(id, retry)
  return call('HDEL', TAG .. 'h:' .. id, retry)
end

local function holders(id)
  local found, flat = {}, call('HGETALL', TAG .. 'h:' .. id)
  for index = 1, #flat, 2 do
    found[#found + 1] = { flat[index], NOW - tonumber(flat[index + 1]) }
  end
  return found
end

local function forget(id, ex)
  for _, part in ipairs({ 'x:', 'n:', 'a:', 'e:', 'o:', 'h:' }) do
    call('UNLINK', TAG .. part .. id)
  end
  for _, status in ipairs({ 'PENDING', 'RUNNING', 'COMPLETED', 'FAILED', 'CANCELLED' }) do
    call('ZREM', TAG .. 's:' .. status, id)
  end
  call('ZREM', TAG .. 'old', id)
  call('ZREM', TAG .. 'due', member(id, ''))
  if ex and call('HINCRBY', TAG .. 'd:' .. ex.plan, 'count', -1) <= 0 then
    call('UNLINK', TAG .. 'd:' .. ex.plan)
  end
  known[id] = nil
end

-- `done` are those of its holders that the caller knows to have ended.
local function delete(id, number, done)
  local ex = meant(id, number)
  if not ex and find(id) then return { 'done' } end
  if ex and ex.m[STATUS] == 'RUNNING' then return { 'open' } end
  local ended = {}
  for _, retry in ipairs(done) do ended[retry] = true end
  for _, holder in ipairs(holders(id)) do
    if not ended[holder[1]] then return { 'in_use' } end
  end
  local retry_of = call('HGET', TAG .. 'x:' .. id, 'r')
  forget(id, ex)
  return { 'done', retry_of }
end
