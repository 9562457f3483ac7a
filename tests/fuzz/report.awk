# Makes docs/fuzzing.md of the files FILE LINES REACHED MISSED..., the executions and the corpus.

BEGIN {
    intro = sources "/tests/fuzz/report.md"
    while ((getline line < intro) > 0) {
        sub(/@rustc@/, rust, line)
        print line
    }
    count = split(corpus, entries, "\n")
    for (i = 1; i <= count; i++) {
        split(entries[i], part, " ")
        files[part[1]] = part[2]
        bytes[part[1]] = part[3]
    }
    print "\n## The last run\n"
    print "| target | executions | seconds | edges reached | files of the corpus | bytes |"
    print "|---|---:|---:|---:|---:|---:|"
    while ((getline line < executions) > 0) {
        split(line, part, "\t")
        print "| `" part[1] "` | " part[2] " | " part[3] " | " part[4] " | " files[part[1]] " | " bytes[part[1]] " |"
    }
    print "\n## Lines reached from the committed corpus\n"
    print "Without the tests. What another room needs of a file is in it as well, so `transport`, `engine` and `ffi` count here by what the"
    print "targets reach of them, and have tests of their own for the rest.\n"
    print "| room | lines | reached | |"
    print "|---|---:|---:|---:|"
}

$1 ~ /^src\/fuzzing/ || $1 ~ /\/tests/ || $1 ~ /peer\.rs$/ { next }

{
    split($1, path, "/")
    room = path[2]
    if (path[2] ~ /\.rs$/) room = "leaves"
    if (path[2] == "config") room = "leaves"
    if (!(room in lines)) order[++rooms] = room
    lines[room] += $2
    reached[room] += $3
    if ((room == "codec" || room == "session") && NF > 3) {
        text = ""
        for (field = 4; field <= NF; field++) {
            first = $field
            while (field < NF && $(field + 1) == $field + 1) field++
            text = text (text == "" ? "" : ", ") first ($field == first ? "" : "-" $field)
            source = $1
        }
        unreached[++left] = "| `" $1 "` | " $2 - $3 " of " $2 " | " text " |"
    }
}

END {
    for (i = 1; i <= rooms; i++) {
        room = order[i]
        printf "| `%s` | %d | %d | %.1f %% |\n", room, lines[room], reached[room], 100 * reached[room] / lines[room]
    }
    print "\n## Lines of `codec` and `session` that are not reached\n"
    print "| file | lines | which |"
    print "|---|---:|---|"
    for (i = 1; i <= left; i++) print unreached[i]
}
