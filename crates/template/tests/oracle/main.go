// Runs the table of templates in ../cases.json through Go's text/template with docker's functions, and
// writes what comes out to ../expected.json, which the Rust tests compare with. Needs Go and nothing else:
//
//	cd crates/template/tests/oracle && go run main.go
//
// The data are typed as the crate's documentation says: integers are int64 or uint64, an array of strings
// is a []string, an object of strings is a map[string]string.
package main

import (
	"bytes"
	"encoding/json"
	"os"
	"strconv"
	"strings"
	"text/template"
)

type table struct {
	Data  map[string]json.RawMessage `json:"data"`
	Cases []testCase                 `json:"cases"`
}

type testCase struct {
	Data     string `json:"data"`
	Header   bool   `json:"header"`
	Template string `json:"template"`
}

type result struct {
	Template string  `json:"template"`
	Output   *string `json:"output,omitempty"`
	Error    *string `json:"error,omitempty"`
}

func main() {
	text, err := os.ReadFile("../cases.json")
	check(err)
	var cases table
	check(json.Unmarshal(text, &cases))
	var out bytes.Buffer
	out.WriteString("[\n")
	for i, c := range cases.Cases {
		raw, ok := cases.Data[c.Data]
		if !ok {
			panic("no data named " + c.Data)
		}
		r := result{Template: c.Template}
		if output, err := run(c, decode(raw)); err != nil {
			message := err.Error()
			r.Error = &message
		} else {
			r.Output = &output
		}
		if i > 0 {
			out.WriteString(",\n")
		}
		out.WriteString(toJSON(r))
	}
	out.WriteString("\n]\n")
	check(os.WriteFile("../expected.json", out.Bytes(), 0o644))
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func run(c testCase, data any) (string, error) {
	t, err := template.New("").Funcs(functions).Parse(c.Template)
	if err != nil {
		return "", err
	}
	if c.Header {
		t = t.Funcs(headerFunctions)
	} else {
		t = t.Option("missingkey=error")
	}
	var out strings.Builder
	err = t.Execute(&out, data)
	return out.String(), err
}

var functions = template.FuncMap{
	"json":  toJSON,
	"split": strings.Split,
	"join":  strings.Join,
	"title": strings.Title,
	"lower": strings.ToLower,
	"upper": strings.ToUpper,
	"pad": func(s string, before, behind int) string {
		if s == "" {
			return s
		}
		return strings.Repeat(" ", before) + s + strings.Repeat(" ", behind)
	},
	"truncate": func(s string, length int) string {
		if len(s) < length {
			return s
		}
		return s[:length]
	},
}

var headerFunctions = template.FuncMap{
	"json":     func(s string) string { return s },
	"split":    func(s, _ string) string { return s },
	"join":     func(s, _ string) string { return s },
	"title":    func(s string) string { return s },
	"lower":    func(s string) string { return s },
	"upper":    func(s string) string { return s },
	"truncate": func(s string, _ int) string { return s },
}

func toJSON(v any) string {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(v)
	return strings.TrimSpace(out.String())
}

func decode(raw []byte) any {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var v any
	check(decoder.Decode(&v))
	return typed(v)
}

// typed gives decoded JSON the types of docker's structs.
func typed(v any) any {
	switch v := v.(type) {
	case json.Number:
		return number(v.String())
	case []any:
		strs := make([]string, 0, len(v))
		items := make([]any, len(v))
		for i, item := range v {
			items[i] = typed(item)
			if s, ok := item.(string); ok {
				strs = append(strs, s)
			}
		}
		if len(strs) == len(items) {
			return strs
		}
		return items
	case map[string]any:
		strs := make(map[string]string)
		for key, item := range v {
			v[key] = typed(item)
			if s, ok := item.(string); ok {
				strs[key] = s
			}
		}
		if len(strs) == len(v) {
			return strs
		}
		return v
	}
	return v
}

func number(s string) any {
	if i, err := strconv.ParseInt(s, 10, 64); err == nil {
		return i
	}
	if u, err := strconv.ParseUint(s, 10, 64); err == nil {
		return u
	}
	f, err := strconv.ParseFloat(s, 64)
	check(err)
	return f
}
