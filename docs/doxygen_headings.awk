# Makes a member group of each "======== Heading ========" of the header, so that the reference has the same order.
/^\/\* =+ .* =+ \*\/$/ {
    heading = $0
    gsub(/^\/\* =+ | =+ \*\/$/, "", heading)
    # In the same line: the line numbers of warnings stay right.
    printf "%s/** @name %s */ /** @{ */\n", open ? "/** @} */ " : "", heading
    open = 1
    next
}
open && /^#ifdef __cplusplus$/ {
    print "/** @} */ " $0
    open = 0
    next
}
{ print }
