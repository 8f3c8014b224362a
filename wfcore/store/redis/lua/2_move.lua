-- Applying a Move: the same steps in the same order as wfcore/store/transition.py.
-- Reads and checks come first and nothing is written before the last of them: a script that
-- stops in the middle is not rolled back.

-- A Move as it comes; an edge is (key, kind, deps, need, queue, handler, keep).
local M_EXECUTION, M_KEY, M_EXPECT, M_TO, M_TOKEN, M_NEW_TOKEN, M_DEADLINE, M_CHARGE, M_EDGES =
  1, 2, 3, 4, 5, 6, 7, 8, 9
local M_CURSOR, M_NEXT, M_KEEP, M_KEEP_TOKEN, M_LEASE, M_READY, M_QUEUE, M_HANDLER =
  10, 11, 12, 13, 14, 15, 16, 17
local M_CONTENT, M_FAILS, M_IF_DUE, M_NOTICE, M_METERS, M_DETAIL = 18, 19, 20, 21, 22, 23
local M_NUMBER = 24

local LARGEST = 1.7976931348623157e308
local MOST_NOTICES = 5
local COUNTER = { ok = OKS, failed = FAILS, skipped = SKIPS }
local NOTHING = {}

local function expects(move, state)
  for _, name in ipairs(move[M_EXPECT]) do
    if STATES[name] == state then return true end
  end
  return false
end

local function stands_after(ex, row, move)
  if row[STATE] ~= STATES[move[M_TO]] or row[TOKEN] ~= move[M_NEW_TOKEN] then return false end
  if row[CURSOR] > NO_CURSOR and row[CURSOR] <= move[M_CURSOR] then return false end
  return not (move[M_IF_DUE] and is_due(ex, move[M_KEY]))
end

local function refusal(ex, row, place, move)
  if not expects(move, row[STATE]) or row[CURSOR] ~= move[M_CURSOR] then return 'stale' end
  if move[M_TOKEN] ~= 0 and move[M_TOKEN] ~= row[TOKEN] then return 'stale' end
  if move[M_IF_DUE] and not (place and is_due(ex, move[M_KEY])) then return 'stale' end
  if move[M_CHARGE] == 'attempt' and place and row[LEASED] == move[M_NEW_TOKEN] then
    return 'stale'
  end
  if ex.m[HALT] ~= '' then
    local to = STATES[move[M_TO]]
    if (to >= READY and to <= WAITING) or row[STATE] == PENDING then return 'halted' end
  end
  if ex.m[FINISHED] then return 'stale' end
end

local function answer(code, ex, fired, kept, lease, waited)
  return {
    code, ex.m[STATUS], ex.plan, ex.m[NUMBER], fired or NOTHING, kept or NOTHING, lease or false,
    waited or false,
  }
end

-- The first answer, read back from the rows. A target leased with this Move's tokens was kept;
-- one that is READY may have been fired by it, and a needless hint does no harm.
local function answer_again(ex, row, move)
  local fired, kept = {}, {}
  local first = move[M_KEEP_TOKEN]
  for index, edge in ipairs(move[M_EDGES]) do
    local target = row_of(ex, edge[1], 'a:', 'n:')
    if target then
      local mine = target[TOKEN] >= first and target[TOKEN] < first + move[M_KEEP]
      if target[STATE] == RUNNING and mine then
        kept[#kept + 1] = lease_of(ex, edge[1], target)
      elseif target[STATE] == READY then
        fired[#fired + 1] = index
      end
    end
  end
  return answer('again', ex, fired, kept, row[STATE] == RUNNING and lease_of(ex, move[M_KEY], row))
end

local function move_row(ex, row, move)
  local key, to = move[M_KEY], STATES[move[M_TO]]
  local waited = row[STATE] == READY and unfile(ex, key, row)
  row[STATE], row[TOKEN] = to, move[M_NEW_TOKEN]
  row[CURSOR] = ex.m[HALT] == '' and move[M_NEXT] or NO_CURSOR
  local charge = move[M_CHARGE]
  if charge == 'attempt' then
    row[ATTEMPT] = row[ATTEMPT] + 1
    row[STARTED] = row[STARTED] or NOW - ex.m[CREATED]
    row[LEASED] = move[M_NEW_TOKEN]
  elseif charge == 'failure' then
    row[FAILURES] = row[FAILURES] + 1
  elseif charge == 'lost' then
    row[LOST] = row[LOST] + 1
  end
  if to > WAITING and not row[ENDED] then row[ENDED] = NOW - ex.m[CREATED] end
  if to == READY then
    row[QUEUE], row[HANDLER] = move[M_QUEUE], move[M_HANDLER]
    file(ex, key, row)
  end
  if row[CURSOR] ~= NO_CURSOR then
    set_deadline(ex, key, NOW + move[M_READY])
  else
    set_deadline(ex, key, move[M_DEADLINE] and NOW + move[M_DEADLINE])
  end
  return waited
end

local function open_target(ex, edge, target, move, kept)
  local key = edge[1]
  if edge[7] and #kept < move[M_KEEP] then
    target[STATE], target[ATTEMPT] = RUNNING, 1
    target[TOKEN] = move[M_KEEP_TOKEN] + #kept
    target[LEASED], target[STARTED] = target[TOKEN], NOW - ex.m[CREATED]
    set_deadline(ex, key, NOW + move[M_LEASE])
    kept[#kept + 1] = lease_of(ex, key, target)
    return true
  end
  target[STATE], target[QUEUE], target[HANDLER] = READY, edge[5], edge[6]
  set_deadline(ex, key, NOW + move[M_READY])
  file(ex, key, target)
  return false
end

-- Counts a chunk of edges on their targets, and opens those whose join can now be judged.
local function count_edges(ex, move)
  local fired, kept, fired_keys, kept_keys = {}, {}, {}, {}
  for index, edge in ipairs(move[M_EDGES]) do
    local target, place = row_of(ex, edge[1], 'n:', 'a:')
    target = target or new_row()
    local counter = COUNTER[edge[2]]
    target[counter] = target[counter] + 1
    local all = target[OKS] + target[FAILS] + target[SKIPS]
    if target[STATE] == PENDING and (target[OKS] >= edge[4] or all == edge[3]) then
      if open_target(ex, edge, target, move, kept) then
        kept_keys[#kept_keys + 1] = edge[1]
      else
        fired[#fired + 1] = index
        fired_keys[#fired_keys + 1] = edge[1]
      end
    end
    save_row(ex, edge[1], target, place)
  end
  return fired, kept, fired_keys, kept_keys
end

local function keep_content(ex, row, move)
  local content = move[M_CONTENT]
  if not content then return end
  if #content <= INLINE then
    row[CONTENT] = content
  else
    row[CONTENT] = true
    call('HSET', TAG .. 'o:' .. ex.id, move[M_KEY], content)
  end
end

local function add_notice(ex, notice)
  local notices = ex.m[NOTICES]
  for _, known_one in ipairs(notices) do
    if known_one == notice then return end
  end
  if #notices < MOST_NOTICES then
    notices[#notices + 1] = notice
    ex.dirty = true
  end
end

local function add_meters(ex, used)
  for name, amount in pairs(used) do
    local sum = (ex.m[METERS][name] or 0) + amount
    ex.m[METERS][name] = math.max(-LARGEST, math.min(sum, LARGEST))
    ex.dirty = true
  end
end

local function change(ex, row, place, move)
  local before, key = row[STATE], move[M_KEY]
  local fired, kept, fired_keys, kept_keys = NOTHING, NOTHING, NOTHING, NOTHING
  local waited = move_row(ex, row, move)
  keep_content(ex, row, move)
  save_row(ex, key, row, place)
  if #move[M_EDGES] > 0 and ex.m[HALT] == '' then
    fired, kept, fired_keys, kept_keys = count_edges(ex, move)
  end
  if move[M_FAILS] then
    ex.m[FAILED] = ex.m[FAILED] + 1
    ex.dirty = true
  end
  if move[M_NOTICE] then add_notice(ex, move[M_NOTICE]) end
  if move[M_METERS] then add_meters(ex, move[M_METERS]) end
  if ex.m[STATUS] == 'PENDING' then begin(ex) end
  end_if_done(ex)
  save_execution(ex)
  local attempt, detail = row[ATTEMPT], move[M_DETAIL]
  log(ex, key, before, row[STATE], attempt, fired_keys, kept_keys, detail)
  local lease = row[STATE] == RUNNING and lease_of(ex, key, row)
  return answer('ok', ex, fired, kept, lease, lease and waited)
end

local function apply(move)
  local ex = meant(move[M_EXECUTION], move[M_NUMBER])
  if not ex then return { 'gone', 'PENDING', '', 0, NOTHING, NOTHING } end
  local row, place = row_of(ex, move[M_KEY], 'a:', 'n:')
  if row and stands_after(ex, row, move) then return answer_again(ex, row, move) end
  row = row or new_row()
  local code = refusal(ex, row, place, move)
  if code then return answer(code, ex) end
  return change(ex, row, place, move)
end

local function halt(id, number, reason, sweep)
  local ex = meant(id, number)
  if not ex then return { 'gone', 'PENDING', '', 0, NOTHING, NOTHING } end
  local repeated = ex.m[HALT] ~= ''
  if not repeated then
    if ex.m[FINISHED] then return answer('stale', ex) end
    ex.m[HALT], ex.dirty = reason, true
    end_if_done(ex)
    save_execution(ex)
    log(ex, '', false, false, 0, NOTHING, NOTHING, '{"halt":"' .. reason .. '"}')
  end
  set_deadline(ex, '', sweep and not ex.m[FINISHED] and NOW + sweep)
  return answer(repeated and 'again' or 'ok', ex)
end

-- Leases READY nodes that are filed under the wanted names for at least an age, the oldest first
-- of each name. The repeat of a take finds what the first one took.
local function take(names, token, limit, lease_ms, age)
  local taken = call('GET', TAG .. 't:' .. string.format('%.0f', token))
  if taken then
    local again = {}
    for index, place in ipairs(cmsgpack.unpack(taken)) do
      local ex = find(place[1])
      local row = ex and row_of(ex, place[2], 'a:', 'n:')
      if row and row[STATE] == RUNNING and row[TOKEN] == token + index - 1 then
        again[#again + 1] = {
          place[1], ex.plan, ex.m[NUMBER], lease_of(ex, place[2], row), false, '',
        }
      end
    end
    return again
  end
  local found, places = {}, {}
  for _, name in ipairs(names) do
    local left = limit - #found
    if left <= 0 then break end
    local ready = TAG .. 'r:' .. name
    for _, entry in ipairs(call('ZRANGEBYSCORE', ready, '-inf', NOW - age, 'LIMIT', 0, left)) do
      local id, key = entry:match('^(%Z*)%z(.*)$')
      local ask = {
        id, key, { 'READY' }, 'RUNNING', 0, token + #found, lease_ms, 'attempt', NOTHING,
        NO_CURSOR, NO_CURSOR, 0, 0, 0, 0, '', '',
      }
      local reply = apply(ask)
      if reply[1] == 'ok' then
        found[#found + 1] = {
          id, reply[3], reply[4], reply[7], reply[8], name:match('%z(.*)$'),
        }
        places[#places + 1] = { id, key }
      else
        -- Halted, or gone: nobody is to run it, and it must not hide what comes after it.
        call('ZREM', ready, entry)
      end
    end
  end
  if #found > 0 then
    call('SET', TAG .. 't:' .. string.format('%.0f', token), pack(places), 'PX', lease_ms)
  end
  return found
end
