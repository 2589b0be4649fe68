// Copyright The events-apiserver Authors.
// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"k8s.io/apiserver/pkg/endpoints/openapi"
	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/kube-openapi/pkg/spec3"

	generatedopenapi "github.com/events-apiserver/events-apiserver/pkg/generated/openapi"
	"github.com/events-apiserver/events-apiserver/pkg/version"
)

// bearerToken is the name under which the generic server describes tokens.
const bearerToken = "BearerToken"

// DescribeTokens adds to OpenAPI v3 that requests carry a bearer token. The generic
// server does so in v2 alone.
func DescribeTokens(config *genericapiserver.Config) {
	config.OpenAPIV3Config.SecuritySchemes = spec3.SecuritySchemes{
		bearerToken: &spec3.SecurityScheme{SecuritySchemeProps: spec3.SecuritySchemeProps{
			Type:        "apiKey",
			Name:        "authorization",
			In:          "header",
			Description: "Bearer Token authentication",
		}},
	}
}

// PublishOpenAPI makes a server of config publish both versions of OpenAPI:
// kube-apiserver merges them into its own, and logs an error at each try where
// one is missing.
func (a *API) PublishOpenAPI(config *genericapiserver.Config) {
	namer := openapi.NewDefinitionNamer(a.Scheme)
	config.OpenAPIConfig = genericapiserver.DefaultOpenAPIConfig(generatedopenapi.GetOpenAPIDefinitions, namer)
	config.OpenAPIConfig.Info.Title = serverName
	config.OpenAPIConfig.Info.Version = version.Get().Version
	config.OpenAPIV3Config = genericapiserver.DefaultOpenAPIV3Config(generatedopenapi.GetOpenAPIDefinitions, namer)
	config.OpenAPIV3Config.Info.Title = serverName
	config.OpenAPIV3Config.Info.Version = version.Get().Version
}
