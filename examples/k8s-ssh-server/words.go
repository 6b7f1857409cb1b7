package main

import (
	"errors"
	"strings"
)

var errQuote = errors.New("a quote is not closed")

// splitWords splits a line as a POSIX shell does when it holds only blanks, quotes and backslashes. Anything else
// that a shell knows (variables, pipes, globs) is an ordinary character here.
func splitWords(line string) ([]string, error) {
	var words []string
	var word strings.Builder
	inWord, quote := false, rune(0)
	runes := []rune(line)
	for i := 0; i < len(runes); i++ {
		r := runes[i]
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote == 0 && (r == '\'' || r == '"'):
			quote, inWord = r, true
		case r == '\\' && escapes(quote, runes[i+1:]):
			i++
			word.WriteRune(runes[i])
			inWord = true
		case quote == 0 && strings.ContainsRune(" \t\r\n", r):
			if inWord {
				words = append(words, word.String())
				word.Reset()
				inWord = false
			}
		default:
			word.WriteRune(r)
			inWord = true
		}
	}
	if quote != 0 {
		return nil, errQuote
	}
	if inWord {
		words = append(words, word.String())
	}
	return words, nil
}

// escapes tells whether a backslash changes the meaning of what follows it: always outside quotes, never inside
// single ones, and before a quote or a backslash inside double ones.
func escapes(quote rune, rest []rune) bool {
	switch {
	case len(rest) == 0 || quote == '\'':
		return false
	case quote == '"':
		return rest[0] == '"' || rest[0] == '\\'
	default:
		return true
	}
}
