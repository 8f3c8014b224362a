-- One shard of a store. KEYS[1] is its hash tag, with which every key begins; ARGV[1] is a packed
-- list of commands, ARGV[2] and ARGV[3] are the shard's number and the count of shards; ARGV[4],
-- in tests, is the time. Else it is the server's: no other clock counts.
--
-- Keys, after the tag:
--   x:<execution>  hash: p(lan), m(utable, below), d(escription, packed by the caller), r(etry_of)
--   a:<execution>  hash of the rows without which it could not end; n:<execution>: all other rows
--   e:<execution>  list of events; an event's number is its place
--   o:<execution>  hash of what nodes left behind, where that is too long for their rows
--   h:<execution>  hash: which executions reuse its outputs, and since when
--   d:<plan>       hash: the document's body, and the count of executions that have it
--   r:<queue>\0<handler>  READY nodes by the time when they became it; q: the set of these names
--   due            nodes and executions by deadline
--   s:<status>     executions by number; old: those that do not run, by their end or creation
--   feed           which events are to be told elsewhere; f: those that wait for that, in order;
--   relay          who tells them
--   t:<token>      what a take with this token took, for its repeat; k: the last number
local TAG = KEYS[1] .. ':'
local SHARD, SHARDS = tonumber(ARGV[2]), tonumber(ARGV[3])
local call, pack = redis.call, cmsgpack.pack
local time = call('TIME')
local NOW_US = time[1] * 1000000 + time[2]
local NOW = ARGV[4] and tonumber(ARGV[4]) or math.floor(NOW_US / 1000)

local NAMES = {
  [0] = 'PENDING', 'READY', 'RUNNING', 'WAITING', 'COMPLETED', 'FAILED', 'SKIPPED', 'CANCELLED',
}
local STATES = {}
for number, name in pairs(NAMES) do STATES[name] = number end
local PENDING, READY, RUNNING, WAITING = 0, 1, 2, 3
local NO_CURSOR = -1
local INLINE = 128 -- bytes of a result that stand in its node's row

-- A row; times count from the execution's creation. LEASED is true where it equals TOKEN.
local STATE, TOKEN, ATTEMPT, FAILURES, LOST, OKS, FAILS, SKIPS, CURSOR, STARTED, ENDED, LEASED =
  1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12
local QUEUE, HANDLER, CONTENT = 13, 14, 15

-- An execution's mutable part.
local STATUS, HALT, FAILED, CREATED, BEGUN, FINISHED, NOTICES, METERS, NUMBER, TIMEOUT =
  1, 2, 3, 4, 5, 6, 7, 8, 9, 10

local known = {}

local function find(id)
  local ex = known[id]
  if ex == nil then
    local found = call('HMGET', TAG .. 'x:' .. id, 'p', 'm')
    ex = found[2] and { id = id, plan = found[1], m = cmsgpack.unpack(found[2]) } or false
    known[id] = ex
  end
  return ex
end

-- The execution that is meant: a deleted one's id may come again, its number does not; 0: any.
local function meant(id, number)
  local ex = find(id)
  if ex and (not number or number == 0 or number == ex.m[NUMBER]) then return ex end
end

local function save_execution(ex)
  if ex.dirty then
    call('HSET', TAG .. 'x:' .. ex.id, 'm', pack(ex.m))
    ex.dirty = false
  end
end

local function member(id, key)
  return id .. '\0' .. key
end

local function new_row()
  return { PENDING, 0, 0, 0, 0, 0, 0, 0, NO_CURSOR, false, false, 0, '', '' }
end

local function decode(value)
  local row = cmsgpack.unpack(value)
  if row[LEASED] == true then row[LEASED] = row[TOKEN] end
  return row
end

-- Two places may hold a row; whoever knows the likely one asks there first.
local function row_of(ex, key, first, second)
  local value = call('HGET', TAG .. first .. ex.id, key)
  if value then return decode(value), first end
  value = call('HGET', TAG .. second .. ex.id, key)
  if value then return decode(value), second end
end

local function is_active(row)
  return row[CURSOR] ~= NO_CURSOR or (row[STATE] >= READY and row[STATE] <= WAITING)
end

local function save_row(ex, key, row, place)
  local target = is_active(row) and 'a:' or 'n:'
  if place and place ~= target then call('HDEL', TAG .. place .. ex.id, key) end
  local leased = row[LEASED]
  if leased == row[TOKEN] and leased ~= 0 then row[LEASED] = true end
  call('HSET', TAG .. target .. ex.id, key, pack(row))
  row[LEASED] = leased
end

local function set_deadline(ex, key, deadline)
  if deadline then
    call('ZADD', TAG .. 'due', deadline, member(ex.id, key))
  else
    call('ZREM', TAG .. 'due', member(ex.id, key))
  end
end

local function is_due(ex, key)
  local deadline = call('ZSCORE', TAG .. 'due', member(ex.id, key))
  return deadline and tonumber(deadline) <= NOW
end

local function file(ex, key, row)
  local name = row[QUEUE] .. '\0' .. row[HANDLER]
  call('ZADD', TAG .. 'r:' .. name, 'NX', NOW, member(ex.id, key))
  call('SADD', TAG .. 'q', name)
end

-- Returns how long the node had been filed.
local function unfile(ex, key, row)
  local ready, entry = TAG .. 'r:' .. row[QUEUE] .. '\0' .. row[HANDLER], member(ex.id, key)
  local since = call('ZSCORE', ready, entry)
  call('ZREM', ready, entry)
  row[QUEUE], row[HANDLER] = '', ''
  return since and NOW - tonumber(since)
end

local function lease_of(ex, key, row)
  local age = row[STARTED] and NOW - ex.m[CREATED] - row[STARTED] or 0
  return {
    key, row[TOKEN], row[ATTEMPT], row[FAILURES], row[LOST], row[OKS], row[FAILS], row[SKIPS], age,
  }
end

local function set_status(ex, status)
  call('ZREM', TAG .. 's:' .. ex.m[STATUS], ex.id)
  call('ZADD', TAG .. 's:' .. status, ex.m[NUMBER], ex.id)
  if status == 'RUNNING' then
    call('ZREM', TAG .. 'old', ex.id)
  else
    call('ZADD', TAG .. 'old', NOW, ex.id)
  end
  ex.m[STATUS] = status
  ex.dirty, ex.turned = true, true
end

local function begin(ex)
  set_status(ex, 'RUNNING')
  ex.m[BEGUN] = NOW
  if ex.m[TIMEOUT] then set_deadline(ex, '', NOW + ex.m[TIMEOUT]) end
end

local function end_if_done(ex)
  if call('HLEN', TAG .. 'a:' .. ex.id) > 0 then return end
  if ex.m[HALT] == 'cancel' then
    set_status(ex, 'CANCELLED')
  elseif ex.m[HALT] == 'timeout' or ex.m[FAILED] > 0 then
    set_status(ex, 'FAILED')
  else
    set_status(ex, 'COMPLETED')
  end
  ex.m[FINISHED] = NOW
  set_deadline(ex, '', nil)
end

local function log(ex, key, before, to, attempt, fired, kept, detail)
  local event = {
    NOW - ex.m[CREATED], key, before, to, attempt, fired, kept, STATES[ex.m[STATUS]], detail,
  }
  local seq = call('RPUSH', TAG .. 'e:' .. ex.id, pack(event))
  local level = call('GET', TAG .. 'feed')
  if level == 'nodes' or (level and ex.turned) then
    call('RPUSH', TAG .. 'f', pack({ ex.id, seq }))
  end
  ex.turned = false
  -- Messages to who listens; without anyone they cost next to nothing.
  call('PUBLISH', TAG .. 'c:' .. ex.id, '')
  if ex.m[FINISHED] then call('PUBLISH', TAG .. 'ended', ex.id) end
end
