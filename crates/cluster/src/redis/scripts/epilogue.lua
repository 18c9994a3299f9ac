
local done, answer = pcall(function()
  if now > deadline then
    refuse('late', text(now))
  end
  return main()
end)
if done then
  return answer
end
if type(answer) == 'table' and answer.refused then
  return answer.refused
end
if type(answer) == 'table' and answer.err then
  return { err = answer.err }
end
return { err = tostring(answer) }
