// Reads strings, one JSON string a line (lines that are empty or start with # aside), and writes what
// github.com/distribution/reference, the parser in docker and containerd, makes of each, one JSON object
// a line:
//
//	input       the string
//	normalized  ParseNormalizedNamed: what an IMAGE argument of docker goes through
//	any         ParseAnyReference: the same, for an argument that may be an ID or a digest instead
//	docker      ParseDockerRef: the same, but the tag goes if there is a digest, and no name stays bare
//	parse       Parse: the grammar alone, where nothing is added
//
// Each of the four is {"error": text} or the fields of the structs below; an absent tag or digest is null.
package main

import (
	"bufio"
	_ "crypto/sha256" // a digest is refused if its algorithm is not linked in
	_ "crypto/sha512"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/distribution/reference"
)

type row struct {
	Input      string      `json:"input"`
	Normalized interface{} `json:"normalized"`
	Any        interface{} `json:"any"`
	Docker     interface{} `json:"docker"`
	Parse      interface{} `json:"parse"`
}

type failure struct {
	Error string `json:"error"`
}

type normalized struct {
	String         string  `json:"string"`
	Domain         string  `json:"domain"`
	Path           string  `json:"path"`
	Tag            *string `json:"tag"`
	Digest         *string `json:"digest"`
	FamiliarString string  `json:"familiar_string"`
	FamiliarName   string  `json:"familiar_name"`
	TagNameOnly    string  `json:"tag_name_only"` // as a string, `latest` added where nothing says which
}

type anything struct {
	Kind   string `json:"kind"` // named or digest
	String string `json:"string"`
}

type docker struct {
	String string `json:"string"`
}

type parsed struct {
	Kind   string `json:"kind"` // name, tagged, digested or tagged+digested
	String string `json:"string"`
	Domain string `json:"domain"` // empty if there is none
	Path   string `json:"path"`
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	output := json.NewEncoder(os.Stdout)
	output.SetEscapeHTML(false)
	seen := map[string]bool{}
	for number := 1; lines.Scan(); number++ {
		line := lines.Text()
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		var input string
		if err := json.Unmarshal([]byte(line), &input); err != nil {
			fail(number, err)
		}
		if seen[input] {
			fail(number, fmt.Errorf("%q is there twice", input))
		}
		seen[input] = true
		if err := output.Encode(readings(input)); err != nil {
			fail(number, err)
		}
	}
	if err := lines.Err(); err != nil {
		fail(0, err)
	}
}

func fail(line int, err error) {
	fmt.Fprintf(os.Stderr, "line %d: %v\n", line, err)
	os.Exit(1)
}

func readings(s string) row {
	r := row{Input: s}
	if ref, err := reference.ParseNormalizedNamed(s); err != nil {
		r.Normalized = failure{err.Error()}
	} else {
		r.Normalized = normalized{
			String:         ref.String(),
			Domain:         reference.Domain(ref),
			Path:           reference.Path(ref),
			Tag:            tag(ref),
			Digest:         digest(ref),
			FamiliarString: reference.FamiliarString(ref),
			FamiliarName:   reference.FamiliarName(ref),
			TagNameOnly:    reference.TagNameOnly(ref).String(),
		}
	}
	if ref, err := reference.ParseAnyReference(s); err != nil {
		r.Any = failure{err.Error()}
	} else if _, ok := ref.(reference.Named); ok {
		r.Any = anything{"named", ref.String()}
	} else {
		r.Any = anything{"digest", ref.String()}
	}
	if ref, err := reference.ParseDockerRef(s); err != nil {
		r.Docker = failure{err.Error()}
	} else {
		r.Docker = docker{ref.String()}
	}
	if ref, err := reference.Parse(s); err != nil {
		r.Parse = failure{err.Error()}
	} else {
		named := ref.(reference.Named) // the grammar has no reference without a name
		r.Parse = parsed{kind(ref), ref.String(), reference.Domain(named), reference.Path(named)}
	}
	return r
}

func kind(ref reference.Reference) string {
	switch {
	case tag(ref) != nil && digest(ref) != nil:
		return "tagged+digested"
	case tag(ref) != nil:
		return "tagged"
	case digest(ref) != nil:
		return "digested"
	}
	return "name"
}

func tag(ref reference.Reference) *string {
	if tagged, ok := ref.(reference.Tagged); ok {
		s := tagged.Tag()
		return &s
	}
	return nil
}

func digest(ref reference.Reference) *string {
	if digested, ok := ref.(reference.Digested); ok {
		s := digested.Digest().String()
		return &s
	}
	return nil
}
